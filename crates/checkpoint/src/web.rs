//! The webmail's view: signing in, and the standing of a session at each request.

use jiff::Timestamp;
use sekisho_source::Source;

use crate::account::{Account, Password};
use crate::door::Admitted;
use crate::factor::Standing;
use crate::id::{SessionId, SessionToken};
use crate::random::NoRandomness;
use crate::sealing::Sealed;
use crate::session::{Purpose, Session, SessionKey};

pub use crate::rule::registration::FirstStep;

/// A browser in which somebody signs in.
#[derive(Clone, Copy)]
pub struct Browser<'a> {
    /// The `User-Agent` header, as the browser sent it.
    pub client: &'a str,
    /// The session's token that it holds, if any. Of a session that it was left behind by, it gets what lies in it.
    pub token: Option<&'a SessionToken>,
    /// Whether the account's mail server wants the password, so that the session has to keep it; `None` if no mail
    /// server does.
    pub keeps_password: Option<&'a (dyn Fn(&Account) -> bool + Sync)>,
}

impl Browser<'_> {
    /// The password as a session keeps it, if it has to.
    pub(crate) fn kept(
        &self,
        password: &Password,
        account: &Account,
        session: SessionId,
        key: &SessionKey,
    ) -> Result<Option<Sealed>, NoRandomness> {
        match self.keeps_password {
            Some(keeps) if keeps(account) => {
                let bytes = password.expose().as_bytes();
                key.seal(Purpose::Password, session, bytes).map(Some)
            }
            _ => Ok(None),
        }
    }
}

impl<'a> From<&'a str> for Browser<'a> {
    fn from(client: &'a str) -> Self {
        Self {
            client,
            token: None,
            keeps_password: None,
        }
    }
}

/// The password was right: a new session, whose token goes into the browser's cookie.
#[derive(Debug)]
pub struct SignedIn {
    /// For the cookie.
    pub token: SessionToken,
    /// What the session may do from here.
    pub standing: WebStanding,
}

impl SignedIn {
    /// The session as it is kept: with a stash, if it came in the place of one that was left behind with one.
    #[must_use]
    pub fn record(&self) -> &Session {
        match &self.standing {
            WebStanding::Admitted(session) => session.record(),
            WebStanding::Owed(owed) => owed.record(),
        }
    }

    /// The id of the session.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        match &self.standing {
            WebStanding::Admitted(session) => session.session_id(),
            WebStanding::Owed(owed) => owed.session_id(),
        }
    }

    /// The key of what is sealed in the session for its browser.
    #[must_use]
    pub fn key(&self) -> &SessionKey {
        match &self.standing {
            WebStanding::Admitted(session) => session.key(),
            WebStanding::Owed(owed) => owed.key(),
        }
    }
}

/// The password was not accepted. The webmail says the same for every cause but [`SignInError::Throttled`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// Unknown name, disabled account or wrong password.
    #[error("user name or password is wrong")]
    Refused,
    /// Too many wrong passwords: the next try is accepted from this time on. The answer is the same for accounts that
    /// don't exist.
    #[error("too many attempts, try again at {0}")]
    Throttled(Timestamp),
    /// The checkpoint can't judge just now.
    #[error("the checkpoint can't be asked just now")]
    Unavailable,
}

/// What a session may do, judged anew for the source of each request.
#[derive(Debug)]
pub enum WebStanding {
    /// Mail, and the account's own settings.
    Admitted(AdmittedSession),
    /// Nothing but to prove a factor, to register the first one, or to sign out.
    Owed(FactorOwed),
}

/// Why there is no session any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSession {
    /// Never was, or was signed out, timed out or ended elsewhere.
    #[error("there is no such session")]
    Gone,
    /// Another token has taken the place of this one, and no browser was seen with it: the answer that brought it is
    /// lost. Signing in with the password brings back what was being written.
    #[error("another token has taken the place of this one")]
    Superseded {
        /// Whether something was being written.
        has_stash: bool,
    },
    /// The checkpoint can't judge just now.
    #[error("the checkpoint can't be asked just now")]
    Unavailable,
}

/// A session that may open mail, for this request.
#[derive(Debug)]
pub struct AdmittedSession {
    pub(crate) session: Session,
    pub(crate) key: SessionKey,
    pub(crate) admitted: Admitted,
    pub(crate) facts: Standing,
}

impl AdmittedSession {
    /// The admission, which opens the mailbox.
    #[must_use]
    pub fn admitted(&self) -> &Admitted {
        &self.admitted
    }

    /// Hands out the admission, which opens the mailbox.
    #[must_use]
    pub fn into_admitted(self) -> Admitted {
        self.admitted
    }

    /// The id of the session.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        self.session.id
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &Account {
        self.admitted.account()
    }

    /// The session as it is kept: its times and its stash.
    #[must_use]
    pub fn record(&self) -> &Session {
        &self.session
    }

    /// The key of what is sealed in the session for its browser.
    #[must_use]
    pub fn key(&self) -> &SessionKey {
        &self.key
    }

    /// How the account stands: factors and whether MFA was turned on.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.facts
    }
}

/// "Password right, factor owed." No handler of mail or settings takes it.
#[derive(Debug)]
pub struct FactorOwed {
    pub(crate) session: Session,
    pub(crate) key: SessionKey,
    pub(crate) account: Account,
    pub(crate) source: Source,
    pub(crate) facts: Standing,
    pub(crate) first: FirstStep,
}

impl FactorOwed {
    /// What the person must do.
    #[must_use]
    pub fn first_step(&self) -> &FirstStep {
        &self.first
    }

    /// The id of the session.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        self.session.id
    }

    /// The session as it is kept.
    #[must_use]
    pub fn record(&self) -> &Session {
        &self.session
    }

    /// The key of what is sealed in the session for its browser.
    #[must_use]
    pub fn key(&self) -> &SessionKey {
        &self.key
    }

    /// The account, for its name on the page.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// From where.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// The factors and their standing.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.facts
    }
}

/// Anyone signed in, whichever standing: for what both may do (registering the first factor, signing out).
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    pub(crate) session: &'a Session,
    pub(crate) key: &'a SessionKey,
    pub(crate) account: &'a Account,
    pub(crate) source: Source,
    pub(crate) facts: &'a Standing,
    /// What is owed; `None` for an admitted session.
    pub(crate) owed: Option<&'a FirstStep>,
}

impl<'a> From<&'a AdmittedSession> for Person<'a> {
    fn from(session: &'a AdmittedSession) -> Self {
        Self {
            session: &session.session,
            key: &session.key,
            account: session.admitted.account(),
            source: session.admitted.source(),
            facts: &session.facts,
            owed: None,
        }
    }
}

impl<'a> From<&'a FactorOwed> for Person<'a> {
    fn from(owed: &'a FactorOwed) -> Self {
        Self {
            session: &owed.session,
            key: &owed.key,
            account: &owed.account,
            source: owed.source,
            facts: &owed.facts,
            owed: Some(&owed.first),
        }
    }
}
