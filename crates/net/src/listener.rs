//! Accepts connections and finds out where they come from.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sekisho_source::{KeyLength, Source, canonical};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::stream::Stream;
use crate::{NetError, Peers, proxy};

/// How long a configured proxy may take to send its header.
const PROXY_HEADER_TIME: Duration = Duration::from_secs(10);

/// Where a listener takes the source of a connection from.
#[derive(Debug, Clone, Default)]
pub enum SourceFrom {
    /// The connection itself.
    #[default]
    Connection,
    /// The PROXY header, which each of these peers must send before anything else. Nobody else may connect.
    Proxies(Peers),
    /// The program. Only for the demonstration and for tests: no configuration file can choose this.
    Given(GivenSource),
}

/// A source address that the program gives to a listener and can change while the listener runs. A change plays a
/// person who moves, so connections from the former address end.
#[derive(Debug, Clone)]
pub struct GivenSource(Arc<watch::Sender<IpAddr>>);

impl GivenSource {
    /// Starts with this address.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        Self(Arc::new(watch::Sender::new(address)))
    }

    /// Moves to another address.
    pub fn set(&self, address: IpAddr) {
        self.0.send_replace(address);
    }

    /// The present address.
    #[must_use]
    pub fn get(&self) -> IpAddr {
        *self.0.borrow()
    }
}

/// A listening socket that finds out where its connections come from.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    from: SourceFrom,
    key_length: KeyLength,
}

impl Listener {
    /// Listens on an address. `[::]` accepts IPv4 as well (the default on Linux); port 0 stands for any free port.
    ///
    /// # Errors
    /// The address is in use or does not belong to this machine, or the port needs a privilege.
    pub async fn bind(
        address: SocketAddr,
        from: SourceFrom,
        key_length: KeyLength,
    ) -> Result<Self, NetError> {
        Ok(Self {
            socket: TcpListener::bind(address).await?,
            from,
            key_length,
        })
    }

    /// Takes over a socket that listens already, such as one from systemd.
    ///
    /// # Errors
    /// The socket can't be used with the runtime.
    pub fn from_std(
        socket: std::net::TcpListener,
        from: SourceFrom,
        key_length: KeyLength,
    ) -> Result<Self, NetError> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: TcpListener::from_std(socket)?,
            from,
            key_length,
        })
    }

    /// The address on which it listens.
    ///
    /// # Errors
    /// The operating system can't tell.
    pub fn local_address(&self) -> Result<SocketAddr, NetError> {
        Ok(self.socket.local_addr()?)
    }

    /// Waits for the next connection and returns it before anything is read from it. Cancel-safe.
    ///
    /// # Errors
    /// The system has run out of a resource (usually open files), or the peer has hung up already. Later calls may
    /// succeed.
    pub async fn accept(&self) -> Result<Arrival, NetError> {
        let (socket, peer) = self.socket.accept().await?;
        Ok(Arrival {
            socket,
            peer: canonical(peer.ip()),
            from: self.from.clone(),
            key_length: self.key_length,
        })
    }
}

/// A connection whose source is not known yet. Finding it may need bytes from the peer, so accepting does not wait for
/// it.
#[derive(Debug)]
pub struct Arrival {
    socket: TcpStream,
    peer: IpAddr,
    from: SourceFrom,
    key_length: KeyLength,
}

/// A connection and where it comes from.
#[derive(Debug)]
pub struct Identified {
    /// The connection, in plaintext so far.
    pub stream: Stream,
    /// Its source.
    pub source: Source,
    /// Whether its bytes never leave this machine: the peer is on this machine, and no PROXY header is expected from
    /// it.
    pub stays_here: bool,
}

impl Arrival {
    /// Completes when the client has moved to another address, which only [`GivenSource`] makes happen; otherwise
    /// never.
    pub(crate) fn moved(&self) -> impl Future<Output = ()> + Send + use<> {
        let given = match &self.from {
            SourceFrom::Given(given) => Some(given.0.subscribe()),
            SourceFrom::Connection | SourceFrom::Proxies(_) => None,
        };
        async move {
            if let Some(mut given) = given
                && given.changed().await.is_ok()
            {
                return;
            }
            // The address can't change, or can't change any more.
            std::future::pending().await
        }
    }

    /// Finds out the source.
    ///
    /// # Errors
    /// The connection failed; or the listener wants a PROXY header, but the peer is not a configured proxy or sent no
    /// valid header in time.
    pub async fn identify(mut self) -> Result<Identified, NetError> {
        self.socket.set_nodelay(true)?;
        let loopback = self.peer.is_loopback();
        let (source, stays_here) = match &self.from {
            SourceFrom::Connection => (Source::assured(self.peer, self.key_length), loopback),
            SourceFrom::Given(given) => (Source::assured(given.get(), self.key_length), loopback),
            SourceFrom::Proxies(peers) => {
                if !peers.contains(self.peer) {
                    return Err(NetError::Proxy("the peer is not configured"));
                }
                let told = timeout(PROXY_HEADER_TIME, proxy::read(&mut self.socket))
                    .await
                    .map_err(|_| NetError::Proxy("too slow"))??;
                let source = match told {
                    Some(address) => Source::assured(address, self.key_length),
                    None => Source::obscured(self.peer, self.key_length),
                };
                (source, false)
            }
        };
        Ok(Identified {
            stream: Stream::Plain(self.socket),
            source,
            stays_here,
        })
    }
}
