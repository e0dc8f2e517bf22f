//! The password of a person whose mail is at an upstream that wants it. The session keeps it from its beginning for as
//! long as it lasts, sealed under the session's key.

use sekisho_checkpoint::Password;
use sekisho_checkpoint::session::Purpose;

use crate::error::WebError;
use crate::to_login;
use crate::visit::AdmittedVisit;

/// The mail server wants a password and the session holds none, because the session began before the server wanted one.
#[derive(Debug)]
pub(crate) struct Missing;

/// The password for the mail server; `None` if the server does not want it.
///
/// # Errors
/// [`Missing`] if the session holds no password, or none that its key opens.
pub(crate) fn of(admitted: &AdmittedVisit) -> Result<Option<Password>, Missing> {
    if !admitted
        .visit
        .context
        .mail
        .wants_password(admitted.account())
    {
        return Ok(None);
    }
    let record = admitted.session.record();
    let opened = record.password.as_ref().and_then(|sealed| {
        let plain = admitted
            .session
            .key()
            .open(Purpose::Password, record.id, sealed)?;
        Some(Password::new(std::str::from_utf8(&plain).ok()?.to_owned()))
    });
    opened.map(Some).ok_or(Missing)
}

/// Ends a session whose password does not open the mailbox, and redirects to the login page.
///
/// A POST is answered with [`WebError::Unavailable`] instead: the redirect would lose what the person wrote. The next
/// GET ends the session.
pub(crate) async fn sign_in_anew(admitted: &AdmittedVisit) -> WebError {
    let visit = &admitted.visit;
    if !visit.is_get() {
        return WebError::Unavailable;
    }
    match visit
        .context
        .checkpoint
        .sign_out(admitted.session.session_id())
        .await
    {
        Ok(()) => WebError::SeeOther(to_login::for_the_mailbox(&visit.way_back())),
        Err(error) => error.into(),
    }
}
