//! The servers of an upstream, and which of them are up.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// How long, in seconds, a server that failed is tried only after the others.
const SHUNNED: i64 = 10;

/// One server.
#[derive(Debug)]
pub struct Server {
    host: String,
    port: u16,
    /// Until this Unix second it is tried after the others; `i64::MIN` if it did not fail.
    away_until: AtomicI64,
}

impl Server {
    /// A server by its host name or address, and port.
    #[must_use]
    pub fn new(host: String, port: u16) -> Self {
        Self {
            host,
            port,
            away_until: AtomicI64::new(i64::MIN),
        }
    }

    /// Its host name or address, which its certificate must contain.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is up, as far as is known.
    #[must_use]
    pub fn is_up(&self, now: Timestamp) -> bool {
        self.away_until.load(Ordering::Relaxed) <= now.as_second()
    }

    /// Remembers that it failed. Returns whether it was up before.
    pub(crate) fn was_away(&self, now: Timestamp) -> bool {
        let until = now.as_second() + SHUNNED;
        self.away_until.swap(until, Ordering::Relaxed) == i64::MIN
    }

    /// Remembers that it answered. Returns whether it had failed before.
    pub(crate) fn answered(&self) -> bool {
        // Usually nothing changed; then nothing is written, because a write would make other threads load the value
        // again.
        self.away_until.load(Ordering::Relaxed) != i64::MIN
            && self.away_until.swap(i64::MIN, Ordering::Relaxed) != i64::MIN
    }
}

/// The servers of one protocol, in order of preference: the first that is up gets all connections.
#[derive(Debug, Default)]
pub struct Servers(Vec<Server>);

impl Servers {
    /// The servers in order of preference.
    #[must_use]
    pub fn new(servers: Vec<Server>) -> Self {
        Self(servers)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All servers, in order of preference.
    pub fn iter(&self) -> impl Iterator<Item = &Server> {
        self.0.iter()
    }

    /// All servers, those that are up first.
    pub(crate) fn in_turn(&self, now: Timestamp) -> impl Iterator<Item = &Server> {
        let up = self.0.iter().filter(move |server| server.is_up(now));
        let away = self.0.iter().filter(move |server| !server.is_up(now));
        up.chain(away)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn order(servers: &Servers, now: Timestamp) -> String {
        servers.in_turn(now).map(Server::host).collect()
    }

    #[test]
    fn who_was_away_comes_last_for_a_while() {
        let servers = ["a", "b", "c"].map(|host| Server::new(host.to_owned(), 143));
        let servers = Servers::new(servers.into());
        let first = servers.iter().next().expect("a server");
        assert_eq!(order(&servers, at(100)), "abc");
        assert!(first.was_away(at(100)) && !first.was_away(at(100)));
        assert_eq!(order(&servers, at(109)), "bca");
        assert_eq!(order(&servers, at(110)), "abc");
        assert!(first.answered() && !first.answered());
        assert_eq!(order(&servers, at(100)), "abc");
    }
}
