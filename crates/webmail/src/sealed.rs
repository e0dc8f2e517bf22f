//! Encrypts what a session stores for its browser, so that a copy of the records does not reveal it. The key is the
//! session's, which only the browser's token opens; so a new token does not change what is sealed.

use sekisho_checkpoint::id::{NoRandomness, SessionId};
use sekisho_checkpoint::sealing::Sealed;
use sekisho_checkpoint::session::SessionKey;
use zeroize::Zeroizing;

/// What the sealed data is for. Each purpose has its own key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// The form that the person was filling in.
    Stash,
    /// The password for the upstream mail server.
    Password,
}

impl Purpose {
    fn label(self) -> &'static str {
        match self {
            Self::Stash => "sekisho webmail stash",
            Self::Password => "sekisho webmail password",
        }
    }
}

/// Seals bytes of a session for a purpose.
///
/// # Errors
/// [`NoRandomness`] if the system gives no random numbers.
pub(crate) fn seal(
    purpose: Purpose,
    session: SessionId,
    key: &SessionKey,
    plain: &[u8],
) -> Result<Sealed, NoRandomness> {
    key.seal(purpose.label(), session, plain)
}

/// The plain text; `None` if it was sealed for another purpose, session or key.
pub(crate) fn open(
    purpose: Purpose,
    session: SessionId,
    key: &SessionKey,
    sealed: &Sealed,
) -> Option<Zeroizing<Vec<u8>>> {
    key.open(purpose.label(), session, sealed)
}
