//! The addresses of the login page, by which it knows why it is shown.

use crate::visit::detour;

/// Query parameters that say why the password is asked for.
pub(crate) const AGAIN: &str = "again";
/// The same, where it is the mailbox that wants it.
pub(crate) const MAILBOX: &str = "mailbox";

/// The login page's path for those who typed too many wrong codes.
pub(crate) fn again(to: &str) -> String {
    with(to, AGAIN)
}

/// The login page's path for a session whose password does not open the mailbox.
pub(crate) fn for_the_mailbox(to: &str) -> String {
    with(to, MAILBOX)
}

fn with(to: &str, mark: &str) -> String {
    let login = detour("/login", to);
    let joint = if login.contains('?') { '&' } else { '?' };
    format!("{login}{joint}{mark}=1")
}
