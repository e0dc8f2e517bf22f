//! Where LMTP connections come in, and which do not.

use std::net::IpAddr;
use std::sync::Arc;

use sekisho_net::{Peers, Shutdown, Stream, TlsKeeper};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::Semaphore;

use super::{Lmtp, PATIENCE, Receiver};
use crate::smtp::connection::{Connection, Lost};
use crate::smtp::session::serve;
use crate::smtp::{COMMAND_LINE, Command, Reply};

/// How many connections are served at once.
const AT_ONCE: usize = 256;

/// What LMTP listens on.
pub enum LmtpListener {
    /// A Unix socket: who may connect, its permissions say.
    Unix(UnixListener),
    /// TCP: loopback, and listed peers.
    Tcp(TcpListener),
}

/// Who may connect, besides this machine.
#[derive(Debug, Clone)]
pub struct LmtpDoor {
    /// The peers that may connect from elsewhere.
    pub listed: Peers,
    /// The certificate for them; without one, none of them is served.
    pub tls: Option<Arc<TlsKeeper>>,
}

/// Serves until the end is asked for. Sessions under way then end with a 421: what had no 250 is the peer's to send again.
pub async fn run_lmtp(listener: LmtpListener, lmtp: Arc<Lmtp>, door: LmtpDoor, shutdown: Shutdown) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let arrival = tokio::select! {
            () = shutdown.asked() => return,
            arrival = accept(&listener) => arrival,
        };
        let arrival = match arrival {
            Ok(arrival) => arrival,
            Err(error) => {
                tracing::warn!(%error, "an LMTP connection could not be accepted");
                tokio::task::yield_now().await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!("too many LMTP connections");
            continue;
        };
        let (lmtp, door, end) = (Arc::clone(&lmtp), door.clone(), shutdown.clone());
        shutdown.spawn(async move {
            let outcome = match arrival {
                Arrival::Unix(stream) => session(stream, lmtp, "LMTP", &end).await,
                Arrival::Tcp(stream, peer) => tcp(stream, peer, lmtp, &door, &end).await,
            };
            if let Err(lost) = outcome {
                tracing::debug!(%lost, "an LMTP session ended");
            }
            drop(place);
        });
    }
}

enum Arrival {
    Unix(tokio::net::UnixStream),
    Tcp(TcpStream, IpAddr),
}

async fn accept(listener: &LmtpListener) -> std::io::Result<Arrival> {
    match listener {
        LmtpListener::Unix(unix) => unix.accept().await.map(|(stream, _)| Arrival::Unix(stream)),
        LmtpListener::Tcp(tcp) => {
            let (stream, peer) = tcp.accept().await?;
            stream.set_nodelay(true)?;
            Ok(Arrival::Tcp(stream, peer.ip().to_canonical()))
        }
    }
}

async fn tcp(
    stream: TcpStream,
    peer: IpAddr,
    lmtp: Arc<Lmtp>,
    door: &LmtpDoor,
    end: &Shutdown,
) -> Result<(), Lost> {
    if peer.is_loopback() {
        return session(stream, lmtp, "LMTP", end).await;
    }
    match &door.tls {
        Some(tls) if door.listed.contains(peer) => {
            let encrypted = tokio::select! {
                encrypted = encrypt(stream, &lmtp, tls) => encrypted?,
                () = end.asked() => return Ok(()),
            };
            match encrypted {
                Some(stream) => session(stream, lmtp, "LMTPS", end).await,
                None => Ok(()),
            }
        }
        _ => {
            tracing::warn!(
                "an LMTP connection from a peer that is not listed, or without a certificate for it"
            );
            let mut connection = connection(stream, &lmtp);
            connection.reply(&Reply::new(554, "5.7.1", "not a listed peer"));
            connection.close().await
        }
    }
}

/// Talks to a listed peer until it asks for TLS (RFC 3207); nothing else is done for it before. What it sent in plaintext behind that is a reason to go.
async fn encrypt(stream: TcpStream, lmtp: &Lmtp, tls: &TlsKeeper) -> Result<Option<Stream>, Lost> {
    let mut connection = connection(Stream::Plain(stream), lmtp);
    connection.reply(&greeting(lmtp));
    loop {
        let line = connection.line(COMMAND_LINE).await?;
        let reply = match Command::parse(&line) {
            Ok(Command::StartTls) => {
                connection.reply(&Reply::new(220, "2.0.0", "go ahead"));
                connection.flush().await?;
                let (stream, unread) = connection.into_parts();
                let encrypted = stream.start_tls(tls, &unread).await;
                return encrypted.map(Some).map_err(|error| {
                    tracing::debug!(?error, "no TLS with an LMTP peer");
                    Lost::Closed
                });
            }
            Ok(Command::Quit) => {
                connection.reply(&Reply::new(221, "2.0.0", "goodbye"));
                connection.close().await?;
                return Ok(None);
            }
            Ok(Command::Lhlo(_)) => {
                let lines = [
                    lmtp.host.clone(),
                    "STARTTLS".to_owned(),
                    "PIPELINING".to_owned(),
                ];
                Reply::lines(250, lines)
            }
            Ok(Command::Noop) => Reply::new(250, "2.0.0", "ok"),
            Ok(_) => Reply::new(530, "5.7.0", "say STARTTLS first"),
            Err(error) => error.reply(),
        };
        connection.reply(&reply);
    }
}

async fn session<S>(
    stream: S,
    lmtp: Arc<Lmtp>,
    with: &'static str,
    end: &Shutdown,
) -> Result<(), Lost>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut connection = connection(stream, &lmtp);
    if with == "LMTP" {
        connection.reply(&greeting(&lmtp));
    }
    let mut receiver = Receiver {
        lmtp,
        peer: String::new(),
        with,
    };
    tokio::select! {
        biased;
        served = serve(&mut connection, &mut receiver, false) => served?,
        () = end.asked() => connection.reply(&Reply::new(421, "4.3.2", "shutting down")),
    }
    connection.close().await
}

fn connection<S: AsyncRead + AsyncWrite + Unpin>(stream: S, lmtp: &Lmtp) -> Connection<S> {
    Connection::new(stream, Vec::new(), Arc::clone(&lmtp.clock), PATIENCE)
}

fn greeting(lmtp: &Lmtp) -> Reply {
    Reply::lines(220, [format!("{} LMTP", lmtp.host)])
}
