//! The sockets at which the service takes connections: opened here, or handed over by systemd or by the process that
//! this one replaces.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rustix::net::{AddressFamily, getsockname};
use sekisho_net::{Listener, SourceFrom};
use sekisho_source::KeyLength;

/// A socket that was handed over.
enum HandedSocket {
    Tcp(SocketAddr, TcpListener),
    Unix(PathBuf, UnixListener),
}

impl HandedSocket {
    fn new(socket: OwnedFd) -> anyhow::Result<Self> {
        if getsockname(&socket)?.address_family() == AddressFamily::UNIX {
            let socket = UnixListener::from(socket);
            let address = socket.local_addr()?;
            let path = address.as_pathname().context("a socket without a name")?;
            return Ok(Self::Unix(path.to_owned(), socket));
        }
        let socket = TcpListener::from(socket);
        Ok(Self::Tcp(socket.local_addr()?, socket))
    }
}

/// Gives out sockets, those first that were handed over for the same address, and keeps each for the process that
/// replaces this one.
pub(crate) struct Sockets {
    handed: Vec<HandedSocket>,
    given: Vec<OwnedFd>,
    pub(crate) key_length: KeyLength,
}

impl Sockets {
    /// With what systemd handed over (sd_listen_fds(3)), and a process that is replaced.
    ///
    /// # Errors
    /// Something that was handed over is no socket.
    pub(crate) fn new(replaced: Vec<OwnedFd>, key_length: KeyLength) -> anyhow::Result<Self> {
        let mut handed: Vec<_> = replaced
            .into_iter()
            .map(HandedSocket::new)
            .collect::<Result<_, _>>()?;
        let mut of_systemd = listenfd::ListenFd::from_env();
        for index in 0..of_systemd.len() {
            if let Some(socket) = of_systemd.take_tcp_listener(index)? {
                handed.push(HandedSocket::Tcp(socket.local_addr()?, socket));
            }
        }
        Ok(Self {
            handed,
            given: Vec::new(),
            key_length,
        })
    }

    /// A socket whose connections say where they come from.
    ///
    /// # Errors
    /// The address is in use or not this machine's, or the port needs a privilege.
    pub(crate) fn listener(
        &mut self,
        address: SocketAddr,
        from: SourceFrom,
    ) -> anyhow::Result<Listener> {
        Ok(Listener::from_std(
            self.std_tcp(address)?,
            from,
            self.key_length,
        )?)
    }

    /// A socket whose connections come from where they say.
    ///
    /// # Errors
    /// As with [`Self::listener`].
    pub(crate) fn tcp(&mut self, address: SocketAddr) -> anyhow::Result<tokio::net::TcpListener> {
        let socket = self.std_tcp(address)?;
        socket.set_nonblocking(true)?;
        Ok(tokio::net::TcpListener::from_std(socket)?)
    }

    fn std_tcp(&mut self, address: SocketAddr) -> anyhow::Result<TcpListener> {
        let is_it =
            |handed: &HandedSocket| matches!(handed, HandedSocket::Tcp(at, _) if *at == address);
        let handed = self.handed.iter().position(is_it);
        let socket = match handed.map(|at| self.handed.swap_remove(at)) {
            Some(HandedSocket::Tcp(_, socket)) => socket,
            _ => TcpListener::bind(address).with_context(|| format!("listening on {address}"))?,
        };
        self.given.push(socket.as_fd().try_clone_to_owned()?);
        Ok(socket)
    }

    /// A Unix socket that whoever may enter its folder may use, as with loopback: the service's umask would shut out
    /// the site's other servers.
    ///
    /// # Errors
    /// The folder is missing or may not be written, or another process listens there.
    pub(crate) fn unix(&mut self, path: &Path) -> anyhow::Result<tokio::net::UnixListener> {
        let is_it =
            |handed: &HandedSocket| matches!(handed, HandedSocket::Unix(at, _) if at == path);
        let handed = self.handed.iter().position(is_it);
        let socket = match handed.map(|at| self.handed.swap_remove(at)) {
            Some(HandedSocket::Unix(_, socket)) => socket,
            _ => open_to_all(path)?,
        };
        self.given.push(socket.as_fd().try_clone_to_owned()?);
        socket.set_nonblocking(true)?;
        Ok(tokio::net::UnixListener::from_std(socket)?)
    }

    /// All that were given out; warns of those that nobody wanted.
    pub(crate) fn into_given(self) -> Vec<OwnedFd> {
        for handed in &self.handed {
            let address = match handed {
                HandedSocket::Tcp(address, _) => address.to_string(),
                HandedSocket::Unix(path, _) => path.display().to_string(),
            };
            tracing::warn!(%address, "a socket was handed over that the configuration does not name");
        }
        self.given
    }
}

fn open_to_all(path: &Path) -> anyhow::Result<UnixListener> {
    // One that a killed service left behind would keep this one from starting.
    if path.exists() && std::os::unix::net::UnixStream::connect(path).is_err() {
        std::fs::remove_file(path)
            .with_context(|| format!("removing the stale socket {}", path.display()))?;
    }
    let socket =
        UnixListener::bind(path).with_context(|| format!("listening on {}", path.display()))?;
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(path, everybody)
        .with_context(|| format!("opening {} to the site's servers", path.display()))?;
    Ok(socket)
}
