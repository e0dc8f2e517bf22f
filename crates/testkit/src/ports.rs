//! Free ports for programs that can't report which port they got.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// A free port of 127.0.0.1 that this process has not given out before.
///
/// It lies below the ports that the system picks itself (Linux' `ip_local_port_range`), so it is still free when the
/// program binds it.
///
/// # Errors
/// All ports of the range are in use.
pub fn free_port() -> io::Result<u16> {
    const FIRST: u32 = 10_240;
    const COUNT: u32 = 22_528;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Test programs that run at the same time start at different ports.
    let start = std::process::id().wrapping_mul(101);
    for _ in 0..COUNT {
        let given = GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + start.wrapping_add(given) % COUNT;
        let port = u16::try_from(port).map_err(io::Error::other)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::ErrorKind::AddrNotAvailable.into())
}
