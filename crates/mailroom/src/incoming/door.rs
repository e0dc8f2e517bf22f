//! Where connections come in, and which of them are served.

use std::net::IpAddr;
use std::sync::Arc;

use sekisho_net::{Peers, Shutdown, Stream, TlsKeeper};
use sekisho_queue::connection::{Connection, Lost};
use sekisho_smtp::{COMMAND_LINE, Command, Reply};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::Semaphore;

use super::{Incoming, PATIENCE, Receiver};
use crate::session::serve;

/// How many connections are served at once.
const AT_ONCE: usize = 256;

/// What becomes of a connection.
#[derive(Debug)]
enum Treatment<'d> {
    Served,
    EncryptedFirst(&'d TlsKeeper),
    Refused,
}

impl IncomingDoor {
    fn treatment(&self, peer: IpAddr) -> Treatment<'_> {
        if peer.is_loopback() {
            return Treatment::Served;
        }
        if !self.listed.contains(peer) {
            return Treatment::Refused;
        }
        match &self.tls {
            PeerTls::Tls(tls) => Treatment::EncryptedFirst(tls),
            PeerTls::None => Treatment::Served,
            PeerTls::Nobody => Treatment::Refused,
        }
    }
}

/// What is listened on.
pub enum IncomingListener {
    /// A Unix socket; its permissions say who may connect.
    Unix(UnixListener),
    /// TCP, for loopback and listed peers.
    Tcp(TcpListener),
}

/// The protocol that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 2033.
    Lmtp,
    /// RFC 5321.
    Smtp,
}

impl Protocol {
    /// The protocol's name in a `Received` field (RFC 3848).
    pub(super) fn with(self, encrypted: bool) -> &'static str {
        match (self, encrypted) {
            (Self::Lmtp, false) => "LMTP",
            (Self::Lmtp, true) => "LMTPS",
            (Self::Smtp, false) => "ESMTP",
            (Self::Smtp, true) => "ESMTPS",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Lmtp => "LMTP",
            Self::Smtp => "ESMTP",
        }
    }
}

/// Who may connect, and how.
#[derive(Debug, Clone)]
pub struct IncomingDoor {
    /// The protocol that is spoken.
    pub protocol: Protocol,
    /// The peers that may connect, besides this machine.
    pub listed: Peers,
    /// How they are protected.
    pub tls: PeerTls,
}

/// How connections from other machines are protected.
#[derive(Debug, Clone)]
pub enum PeerTls {
    /// By TLS with this certificate; before STARTTLS nothing else is done for them.
    Tls(Arc<TlsKeeper>),
    /// Not at all: for a closed network.
    None,
    /// Connections from other machines are not served.
    Nobody,
}

/// Serves until shutdown is asked for. Sessions under way then end with a 421; the peer sends again whatever had no
/// 250.
pub async fn run_incoming(
    listener: IncomingListener,
    incoming: Arc<Incoming>,
    door: IncomingDoor,
    shutdown: Shutdown,
) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let arrival = tokio::select! {
            () = shutdown.leaving() => return,
            arrival = accept(&listener) => arrival,
        };
        let arrival = match arrival {
            Ok(arrival) => arrival,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::task::yield_now().await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!("too many connections of mail servers");
            continue;
        };
        let (incoming, door, end) = (Arc::clone(&incoming), door.clone(), shutdown.clone());
        shutdown.spawn(async move {
            let protocol = door.protocol;
            let outcome = match arrival {
                Arrival::Unix(stream) => session(stream, incoming, protocol, false, &end).await,
                Arrival::Tcp(stream, peer) => tcp(stream, peer, incoming, &door, &end).await,
            };
            if let Err(lost) = outcome {
                tracing::debug!(%lost, "a mail server's session ended");
            }
            drop(place);
        });
    }
}

enum Arrival {
    Unix(tokio::net::UnixStream),
    Tcp(TcpStream, IpAddr),
}

async fn accept(listener: &IncomingListener) -> std::io::Result<Arrival> {
    match listener {
        IncomingListener::Unix(unix) => {
            unix.accept().await.map(|(stream, _)| Arrival::Unix(stream))
        }
        IncomingListener::Tcp(tcp) => {
            let (stream, peer) = tcp.accept().await?;
            stream.set_nodelay(true)?;
            Ok(Arrival::Tcp(stream, peer.ip().to_canonical()))
        }
    }
}

async fn tcp(
    stream: TcpStream,
    peer: IpAddr,
    incoming: Arc<Incoming>,
    door: &IncomingDoor,
    end: &Shutdown,
) -> Result<(), Lost> {
    let protocol = door.protocol;
    match door.treatment(peer) {
        Treatment::Served => session(stream, incoming, protocol, false, end).await,
        Treatment::EncryptedFirst(tls) => {
            let encrypted = tokio::select! {
                encrypted = encrypt(stream, &incoming, protocol, tls) => encrypted?,
                () = end.leaving() => return Ok(()),
            };
            match encrypted {
                Some(stream) => session(stream, incoming, protocol, true, end).await,
                None => Ok(()),
            }
        }
        Treatment::Refused => {
            tracing::warn!(
                "a mail server connected that is not listed, or there is no certificate for it"
            );
            let mut connection = connection(stream, &incoming);
            connection.reply(&Reply::new(554, "5.7.1", "not a listed peer"));
            connection.close().await
        }
    }
}

/// Talks to a listed peer until it asks for TLS (RFC 3207); before that nothing else is done for it. If it sent
/// anything in plain text behind STARTTLS, the connection is closed.
async fn encrypt(
    stream: TcpStream,
    incoming: &Incoming,
    protocol: Protocol,
    tls: &TlsKeeper,
) -> Result<Option<Stream>, Lost> {
    let mut connection = connection(Stream::Plain(stream), incoming);
    connection.reply(&greeting(incoming, protocol));
    loop {
        let line = connection.line(COMMAND_LINE).await?;
        let reply = match (protocol, Command::parse(&line)) {
            (_, Ok(Command::StartTls)) => {
                connection.reply(&Reply::new(220, "2.0.0", "go ahead"));
                connection.flush().await?;
                let (stream, unread) = connection.into_parts();
                let encrypted = stream.start_tls(tls, &unread).await;
                return encrypted.map(Some).map_err(|error| {
                    tracing::debug!(?error, "no TLS with a mail server");
                    Lost::Closed
                });
            }
            (_, Ok(Command::Quit)) => {
                connection.reply(&Reply::new(221, "2.0.0", "goodbye"));
                connection.close().await?;
                return Ok(None);
            }
            (Protocol::Lmtp, Ok(Command::Lhlo(_))) | (Protocol::Smtp, Ok(Command::Ehlo(_))) => {
                let lines = [
                    incoming.host.clone(),
                    "STARTTLS".to_owned(),
                    "PIPELINING".to_owned(),
                ];
                Reply::lines(250, lines)
            }
            (_, Ok(Command::Noop)) => Reply::new(250, "2.0.0", "ok"),
            (_, Ok(_)) => Reply::new(530, "5.7.0", "say STARTTLS first"),
            (_, Err(error)) => error.reply(),
        };
        connection.reply(&reply);
    }
}

async fn session<S>(
    stream: S,
    incoming: Arc<Incoming>,
    protocol: Protocol,
    encrypted: bool,
    end: &Shutdown,
) -> Result<(), Lost>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut connection = connection(stream, &incoming);
    if !encrypted {
        connection.reply(&greeting(&incoming, protocol));
    }
    let mut receiver = Receiver {
        incoming,
        protocol,
        peer: String::new(),
        encrypted,
    };
    tokio::select! {
        biased;
        served = serve(&mut connection, &mut receiver, false) => served?,
        () = end.leaving() => connection.reply(&Reply::new(421, "4.3.2", "shutting down")),
    }
    connection.close().await
}

fn connection<S: AsyncRead + AsyncWrite + Unpin>(stream: S, incoming: &Incoming) -> Connection<S> {
    Connection::new(stream, Vec::new(), Arc::clone(&incoming.clock), PATIENCE)
}

fn greeting(incoming: &Incoming, protocol: Protocol) -> Reply {
    Reply::lines(220, [format!("{} {}", incoming.host, protocol.name())])
}

#[cfg(test)]
mod tests {
    use sekisho_net::{Alpn, Certificate};

    use super::*;

    #[test]
    fn only_this_machine_and_listed_peers_are_served_and_those_encrypted() {
        let folder = tempfile::tempdir().expect("folder");
        let certificate = Certificate::SelfSigned {
            folder: folder.path().to_owned(),
            names: vec!["mail.kit.example".to_owned()],
        };
        let tls = TlsKeeper::open(certificate, Alpn::None).expect("certificate");
        let relay = "192.0.2.25".parse().expect("address");
        let door = |tls| IncomingDoor {
            protocol: Protocol::Smtp,
            listed: Peers::new(vec!["192.0.2.25/32".parse().expect("prefix")]),
            tls,
        };
        let encrypted = door(PeerTls::Tls(Arc::new(tls)));
        let open = door(PeerTls::None);
        let closed = door(PeerTls::Nobody);
        assert!(matches!(
            encrypted.treatment(relay),
            Treatment::EncryptedFirst(_)
        ));
        assert!(matches!(open.treatment(relay), Treatment::Served));
        assert!(matches!(closed.treatment(relay), Treatment::Refused));
        for stranger in ["192.0.2.26", "10.0.0.1", "2001:db8::25"] {
            let stranger = stranger.parse().expect("address");
            for door in [&encrypted, &open, &closed] {
                assert!(matches!(door.treatment(stranger), Treatment::Refused));
            }
        }
        for here in ["127.0.0.1", "::1"] {
            let here = here.parse().expect("address");
            assert!(matches!(closed.treatment(here), Treatment::Served));
        }
    }
}
