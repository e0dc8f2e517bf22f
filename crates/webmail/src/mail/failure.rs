//! What goes wrong with the mail server, as a page says it.

use sekisho_mailclient::Error;

use crate::error::WebError;

/// An error of the mail server on its way to a page.
pub(super) struct MailServerFailure(pub(super) Error);

impl From<MailServerFailure> for WebError {
    fn from(MailServerFailure(error): MailServerFailure) -> Self {
        match error {
            Error::NoSuchMessage => Self::NotFound,
            error if error.is_no_such_folder() => Self::NotFound,
            Error::TooLarge { .. } => Self::TooLarge,
            Error::Unsendable => Self::BadRequest,
            error => {
                tracing::warn!(%error, "the mail server did not do what a page needs");
                Self::Unavailable
            }
        }
    }
}

/// Turns the mail server's errors into pages' with `?`.
pub(super) trait OrWebError<T> {
    /// The value, or the error as a page says it.
    fn or_web_error(self) -> Result<T, WebError>;
}

impl<T> OrWebError<T> for Result<T, Error> {
    fn or_web_error(self) -> Result<T, WebError> {
        self.map_err(|error| MailServerFailure(error).into())
    }
}
