//! Ports for programs that can't be asked which one they got.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// A port of 127.0.0.1: free at this moment, given out once by this process, and below those that the system takes for connections and for port 0 (Linux'
/// `ip_local_port_range`), so that it is still free when the program comes to it.
///
/// # Errors
/// There is none.
pub fn free_port() -> io::Result<u16> {
    const FIRST: u32 = 10_240;
    const COUNT: u32 = 22_528;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Test programs that run at once begin at different places.
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
