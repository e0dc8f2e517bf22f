//! Why there is no connection.

/// Why there is no connection for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// No server can be reached now; a later attempt may succeed.
    #[error("no server of the upstream can be reached")]
    Away,
    /// The upstream refuses the login, or Sekisho can't log in there as configured. Another attempt will not help.
    #[error("the upstream does not take the login")]
    Refused,
    /// No upstream has mail of the account, or the upstream has no server for this protocol.
    #[error("no upstream for this account and protocol")]
    NoneForThis,
}

/// Why an attempt at one server failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The server can't be reached, is too slow, violates the protocol, or asks to try again later. Another server may
    /// work.
    #[error("{0}")]
    Away(String),
    /// The server refused the login.
    #[error("the login was refused")]
    Refused,
    /// The server offers no mechanism by which the person could be logged in.
    #[error("{0}")]
    NoWay(&'static str),
}

impl Fault {
    /// The server's greeting is not one of its protocol.
    pub(crate) fn greeting(line: &[u8]) -> Self {
        let line = String::from_utf8_lossy(line);
        let begin: String = line.trim_end().chars().take(60).collect();
        Self::Away(format!("no greeting of its protocol, but {begin:?}"))
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Away(error.to_string())
    }
}

impl From<sekisho_net::NetError> for Fault {
    fn from(error: sekisho_net::NetError) -> Self {
        Self::Away(error.to_string())
    }
}
