//! The SASL mechanisms that carry a name and a password: PLAIN (RFC 4616), and LOGIN, which was never standardised and
//! which Outlook prefers.

use std::fmt;

use crate::account::Password;

/// What a client came with, as typed.
pub struct Credentials {
    /// The name.
    pub name: String,
    /// SASL's authorisation identity, if one was given.
    pub authorization: Option<String>,
    /// The password.
    pub password: Password,
}

impl fmt::Debug for Credentials {
    /// People type passwords into the name field: nothing is printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// How far an exchange has come: what the client is to send next.
#[derive(Debug)]
pub enum Exchange {
    /// PLAIN's one message.
    Plain,
    /// LOGIN's name.
    LoginName,
    /// LOGIN's password.
    LoginPassword {
        /// The name that came before.
        name: String,
    },
}

/// What follows from a client's message.
#[derive(Debug)]
pub enum Progress {
    /// More is needed.
    Goes(Exchange),
    /// All is there.
    Complete(Credentials),
    /// The message is not what the mechanism says.
    Malformed,
}

impl Exchange {
    /// Begins with a mechanism, named in upper case; `None` if it is not one of the two.
    #[must_use]
    pub fn begin(mechanism: &str) -> Option<Self> {
        match mechanism {
            "PLAIN" => Some(Self::Plain),
            "LOGIN" => Some(Self::LoginName),
            _ => None,
        }
    }

    /// What the client is asked with, in base64: nothing, `Username:` or `Password:`.
    #[must_use]
    pub fn challenge(&self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::LoginName => "VXNlcm5hbWU6",
            Self::LoginPassword { .. } => "UGFzc3dvcmQ6",
        }
    }

    /// Takes the client's message, decoded.
    #[must_use]
    pub fn take(self, message: &[u8]) -> Progress {
        match self {
            Self::Plain => {
                let mut parts = message.splitn(3, |&b| b == 0);
                let (Some(authorization), Some(name), Some(password)) =
                    (parts.next(), parts.next(), parts.next())
                else {
                    return Progress::Malformed;
                };
                if password.contains(&0) {
                    return Progress::Malformed;
                }
                let authorization = Some(as_typed(authorization)).filter(|a| !a.is_empty());
                Progress::Complete(Credentials {
                    name: as_typed(name),
                    authorization,
                    password: Password::new(as_typed(password)),
                })
            }
            Self::LoginName => Progress::Goes(Self::LoginPassword {
                name: as_typed(message),
            }),
            Self::LoginPassword { name } => Progress::Complete(Credentials {
                name,
                authorization: None,
                password: Password::new(as_typed(message)),
            }),
        }
    }
}

/// A name or password as text. What is not UTF-8 can be nobody's; it goes on with replacement characters to be refused
/// like any other.
#[must_use]
pub fn as_typed(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
