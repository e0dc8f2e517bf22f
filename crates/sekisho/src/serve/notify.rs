//! Telling systemd how the service is.

/// Tells systemd how the service is (sd_notify(3)); without systemd nobody listens.
pub(super) fn notify(state: &str) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let sent = std::os::unix::net::UnixDatagram::unbound().and_then(|socket| {
        let name = path.to_string_lossy();
        match name.strip_prefix('@') {
            None => socket.send_to(state.as_bytes(), &path),
            Some(name) => {
                use std::os::linux::net::SocketAddrExt;
                let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
                socket.send_to_addr(state.as_bytes(), &address)
            }
        }
    });
    if let Err(error) = sent {
        tracing::warn!(%error, "systemd could not be told");
    }
}
