//! The password of a person whose mail is at an upstream that wants it: kept in the session, sealed under a key of the browser's token, for as long as the session lasts.

use sekisho_checkpoint::Password;
use sekisho_checkpoint::account::Account;
use sekisho_checkpoint::id::{SessionId, SessionToken};

use crate::config::Context;
use crate::error::WebError;
use crate::pages::login;
use crate::sealed::{Purpose, open, seal};
use crate::visit::Seated;

/// Keeps a password that was just found right, if it has to be passed on.
///
/// # Errors
/// [`WebError::Unavailable`].
pub(crate) async fn keep(
    context: &Context,
    account: &Account,
    session: SessionId,
    token: &SessionToken,
    password: &Password,
) -> Result<(), WebError> {
    if !context.mail.wants_password(account) {
        return Ok(());
    }
    let sealed = seal(
        Purpose::Password,
        session,
        token,
        password.expose().as_bytes(),
    );
    let sealed = sealed.ok_or(WebError::Unavailable)?;
    Ok(context
        .checkpoint
        .put_password(session, Some(sealed))
        .await?)
}

/// A password is wanted, and the session has none: it began before that was so.
#[derive(Debug)]
pub(crate) struct Missing;

/// The password to pass on; `None` where it is not wanted.
///
/// # Errors
/// [`Missing`].
pub(crate) fn of(seated: &Seated) -> Result<Option<Password>, Missing> {
    if !seated.visit.context.mail.wants_password(seated.account()) {
        return Ok(None);
    }
    let record = seated.seat.record();
    let opened = record.password.as_ref().and_then(|sealed| {
        let plain = open(Purpose::Password, record.id, &seated.token, sealed)?;
        Some(Password::new(std::str::from_utf8(&plain).ok()?.to_owned()))
    });
    opened.map(Some).ok_or(Missing)
}

/// Ends a session whose password does not open the mailbox, and leads to the login page. What was just written in a form would be lost on that way; so whoever sent one
/// hears that it can't be done now, and comes here with the next page.
pub(crate) async fn sign_in_anew(seated: &Seated) -> WebError {
    let visit = &seated.visit;
    if !visit.is_get() {
        return WebError::Unavailable;
    }
    match visit
        .context
        .checkpoint
        .sign_out(seated.seat.session())
        .await
    {
        Ok(()) => WebError::SeeOther(login::for_the_mailbox(&visit.way_back())),
        Err(error) => error.into(),
    }
}
