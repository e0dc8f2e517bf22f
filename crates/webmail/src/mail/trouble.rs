//! What goes wrong with the mail server, as a page says it.

use sekisho_mailclient::Error;

use crate::error::WebError;

/// An error of the mail server on its way to a page.
pub(super) struct Trouble(pub(super) Error);

impl From<Trouble> for WebError {
    fn from(Trouble(error): Trouble) -> Self {
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
pub(super) trait OrTrouble<T> {
    /// The value, or the error as a page says it.
    fn or_trouble(self) -> Result<T, WebError>;
}

impl<T> OrTrouble<T> for Result<T, Error> {
    fn or_trouble(self) -> Result<T, WebError> {
        self.map_err(|error| Trouble(error).into())
    }
}
