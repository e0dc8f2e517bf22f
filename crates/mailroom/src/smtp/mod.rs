//! SMTP over a stream: a connection with patience that ends, and the order of a server's session.

pub(crate) mod connection;
pub(crate) mod session;

#[cfg(fuzzing)]
pub use session::fuzz as fuzz_session;
