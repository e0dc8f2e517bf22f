//! The words of a choice.

use sekisho_checkpoint::network::NetworkClass;
use sekisho_checkpoint::policy::{FirstRegistration, RefusalStyle};
use sekisho_net::client::TlsMode;
use sekisho_webmail::lang::Lang;

use super::text::Text;

/// How an upstream is told whose mail is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginWay {
    /// By the person's own password.
    Password,
    /// A master user acts for the person.
    Master,
    /// By a token that Sekisho signs.
    Token,
}

/// How an upstream is told where a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientAddress {
    /// It is not told.
    No,
    /// By the PROXY protocol.
    Proxy,
    /// In the dialogue.
    Dialogue,
}

/// Whether MFA is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// The person's choice.
    Optional,
    /// In use for everybody.
    Required,
}

/// Who knows the passwords of own accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PasswordsAt {
    /// Sekisho.
    Here,
    /// The account's upstream.
    Upstream,
}

/// Gives each value of a choice its word.
macro_rules! words {
    ($($type:ident { $first:ident = $first_word:literal $(, $value:ident = $word:literal)* })*) => { $(
        impl Text for $type {
            fn parse(text: &str) -> Option<Self> {
                match text {
                    $first_word => Some(Self::$first),
                    $($word => Some(Self::$value),)*
                    _ => None,
                }
            }

            fn refusal(key: &str, text: &str) -> String {
                let words = concat!("\"", $first_word, "\"" $(, " or \"", $word, "\"")*);
                format!("`{key}` is {words}, and not {text:?}")
            }

            fn text(&self) -> String {
                match self {
                    Self::$first => $first_word,
                    $(Self::$value => $word,)*
                }
                .to_owned()
            }
        }
    )* };
}

words! {
    TlsMode { None = "none", StartTls = "starttls", Implicit = "implicit" }
    LoginWay { Password = "password", Master = "master", Token = "token" }
    ClientAddress { No = "no", Proxy = "proxy", Dialogue = "dialogue" }
    Demand { Optional = "optional", Required = "required" }
    PasswordsAt { Here = "here", Upstream = "upstream" }
    Lang { Ja = "ja", En = "en" }
    NetworkClass { Trusted = "trusted", Untrusted = "untrusted" }
    FirstRegistration { Allow = "allow", EnrolmentCode = "enrolment-code", Forbid = "forbid" }
    RefusalStyle { Helpful = "helpful", Terse = "terse", NamesCause = "names-cause" }
}
