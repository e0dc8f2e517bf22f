//! How Sekisho logs an admitted person in at an upstream.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use sekisho_checkpoint::Password;
use zeroize::Zeroizing;

use crate::token::TokenKey;

/// How Sekisho logs a person in.
pub enum LoginMethod {
    /// With the person's own user name and password.
    SamePassword,
    /// With a master user's name and password (authcid), acting for the person (authzid; RFC 4616, section 2).
    Master {
        /// The master user.
        user: String,
        /// Its password.
        password: Password,
    },
    /// With a short-lived token that Sekisho signs (OAUTHBEARER, RFC 7628).
    Token(Box<TokenKey>),
}

impl fmt::Debug for LoginMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SamePassword => "SamePassword",
            Self::Master { .. } => "Master",
            Self::Token(_) => "Token",
        })
    }
}

impl LoginMethod {
    /// A description for the log that says what to check when a login is refused.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Self::SamePassword => "the person's own password",
            Self::Master { .. } => "the master user: look at master_user and master_password_file",
            Self::Token(_) => "a token: look at the key, the issuer and the audience",
        }
    }

    /// Makes the proof for a user. `None` if it needs a password and there is none, or if name or password contain a
    /// NUL.
    pub(crate) fn proof(
        &self,
        user: &str,
        password: Option<&Password>,
        now: Timestamp,
    ) -> Option<Proof> {
        let (mechanism, message, login) = match self {
            Self::SamePassword => {
                let password = password?;
                let message = plain("", user, password)?;
                (Mechanism::Plain, message, Some(password.clone()))
            }
            Self::Master {
                user: master,
                password,
            } => (Mechanism::Plain, plain(user, master, password)?, None),
            Self::Token(key) => {
                let token = key.token_for(user, now)?;
                (Mechanism::OAuthBearer, bearer(user, &token)?, None)
            }
        };
        Some(Proof {
            mechanism,
            message,
            user: user.to_owned(),
            login,
        })
    }
}

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mechanism {
    /// PLAIN (RFC 4616 section 2).
    Plain,
    /// OAUTHBEARER (RFC 7628 section 3).
    OAuthBearer,
}

impl Mechanism {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }
}

/// What logs the person in at the upstream.
pub(crate) struct Proof {
    /// The mechanism.
    pub(crate) mechanism: Mechanism,
    /// The client's only message, in base64.
    message: Zeroizing<String>,
    user: String,
    login: Option<Password>,
}

impl Proof {
    /// The client's only message, in base64.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Name and password, for servers without SASL; `None` unless the person's own password is used.
    pub(crate) fn login(&self) -> Option<(&str, &Password)> {
        self.login
            .as_ref()
            .map(|password| (self.user.as_str(), password))
    }
}

/// The client's answer, in base64, to a challenge that explains why the login will fail (RFC 7628, section 3.2.3).
pub(crate) const ACKNOWLEDGED: &str = "AQ==";

fn plain(authorization: &str, user: &str, password: &Password) -> Option<Zeroizing<String>> {
    let parts = [authorization, user, password.expose()];
    if parts.iter().any(|part| part.contains('\0')) {
        return None;
    }
    let message = Zeroizing::new(parts.join("\0"));
    Some(Zeroizing::new(BASE64_STANDARD.encode(message.as_bytes())))
}

/// In the name, commas and equals signs are encoded (RFC 5801, section 4).
fn bearer(user: &str, token: &str) -> Option<Zeroizing<String>> {
    if user.contains(['\0', '\u{1}']) {
        return None;
    }
    let name = user.replace('=', "=3D").replace(',', "=2C");
    let message = Zeroizing::new(format!("n,a={name},\u{1}auth=Bearer {token}\u{1}\u{1}"));
    Some(Zeroizing::new(BASE64_STANDARD.encode(message.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(login_method: &LoginMethod, user: &str, password: &str) -> Option<String> {
        let password = Password::new(password.to_owned());
        let proof = login_method.proof(user, Some(&password), Timestamp::UNIX_EPOCH)?;
        let bytes = BASE64_STANDARD.decode(proof.message()).ok()?;
        String::from_utf8(bytes).ok()
    }

    #[test]
    fn the_person_is_the_one_who_logs_in_or_the_one_whom_the_master_acts_for() {
        let master = LoginMethod::Master {
            user: "sekisho".to_owned(),
            password: Password::new("m".to_owned()),
        };
        assert_eq!(
            message(&LoginMethod::SamePassword, "hanako", "pw").as_deref(),
            Some("\0hanako\0pw")
        );
        assert_eq!(
            message(&master, "hanako", "pw").as_deref(),
            Some("hanako\0sekisho\0m")
        );
    }

    #[test]
    fn a_nul_moves_no_boundary() {
        assert_eq!(
            message(&LoginMethod::SamePassword, "hanako\0ken", "pw"),
            None
        );
        assert_eq!(message(&LoginMethod::SamePassword, "hanako", "pw\0x"), None);
        assert_eq!(bearer("hanako\u{1}auth=Bearer x", "t").as_deref(), None);
    }

    #[test]
    fn nothing_of_a_proof_prints() {
        let master = LoginMethod::Master {
            user: "sekisho".to_owned(),
            password: Password::new("m".to_owned()),
        };
        assert_eq!(format!("{master:?}"), "Master");
    }
}
