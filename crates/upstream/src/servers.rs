//! The servers of an upstream, and which of them are up.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// How long a server that was away is tried after the others, in seconds.
const SHUNNED: i64 = 10;

/// One server.
#[derive(Debug)]
pub struct Server {
    host: String,
    port: u16,
    /// Up to this second it is tried after the others.
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

    /// Its host name or address; its certificate has to name it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is up as far as is known.
    #[must_use]
    pub fn is_up(&self, now: Timestamp) -> bool {
        self.away_until.load(Ordering::Relaxed) <= now.as_second()
    }

    /// Remembers that it was away; says whether that is news.
    pub(crate) fn was_away(&self, now: Timestamp) -> bool {
        let until = now.as_second() + SHUNNED;
        self.away_until.swap(until, Ordering::Relaxed) == i64::MIN
    }

    /// Remembers that it answered; says whether that is news.
    pub(crate) fn answered(&self) -> bool {
        // Most logins find it so, and then nothing is written that other threads would have to read again.
        self.away_until.load(Ordering::Relaxed) != i64::MIN
            && self.away_until.swap(i64::MIN, Ordering::Relaxed) != i64::MIN
    }
}

/// The servers of one protocol, in the order in which they are wanted: the first that is up gets all.
#[derive(Debug, Default)]
pub struct Servers(Vec<Server>);

impl Servers {
    /// Takes them in order.
    #[must_use]
    pub fn new(servers: Vec<Server>) -> Self {
        Self(servers)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order wanted.
    pub fn iter(&self) -> impl Iterator<Item = &Server> {
        self.0.iter()
    }

    /// All of them, those first that are up.
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
