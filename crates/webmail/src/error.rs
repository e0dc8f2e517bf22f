//! What can go wrong with a request, and the one mapping of it to HTTP and to words.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sekisho_checkpoint::ports::RecordsError;
use sekisho_checkpoint::web::NoSession;

use crate::config::MailServerError;
use crate::lang::Lang;

/// Why a handler gives no page. It becomes one in the person's language on the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebError {
    /// Not here but there: a local path.
    #[error("see {0:?}")]
    SeeOther(String),
    /// No such page, message, folder.
    #[error("there is nothing at this address")]
    NotFound,
    /// The address exists, but not for this method.
    #[error("the method does not apply here")]
    MethodNotAllowed,
    /// The form can't be understood.
    #[error("the form can't be understood")]
    BadRequest,
    /// The POST did not come from one of our pages, or from one that is too old.
    #[error("the form is too old, or not ours")]
    TooOld,
    /// More was sent than one form may carry.
    #[error("too much was sent at once")]
    TooLarge,
    /// The checkpoint or the mail server can't be reached just now.
    #[error("temporarily out of reach")]
    Unavailable,
}

impl WebError {
    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::SeeOther(_) => StatusCode::SEE_OTHER,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::TooOld => StatusCode::FORBIDDEN,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// A title, and what the person can do about it.
    pub(crate) fn words(&self, lang: Lang) -> (String, String) {
        match self {
            Self::SeeOther(_) | Self::NotFound => (
                t!(lang, "error-not-found"),
                t!(lang, "error-not-found-what-to-do"),
            ),
            Self::MethodNotAllowed | Self::BadRequest => (
                t!(lang, "error-bad-request"),
                t!(lang, "error-bad-request-what-to-do"),
            ),
            Self::TooOld => (
                t!(lang, "error-too-old"),
                t!(lang, "error-too-old-what-to-do"),
            ),
            Self::TooLarge => (
                t!(lang, "error-too-large"),
                t!(lang, "error-too-large-what-to-do"),
            ),
            Self::Unavailable => (
                t!(lang, "error-unavailable"),
                t!(lang, "error-unavailable-what-to-do"),
            ),
        }
    }
}

impl IntoResponse for WebError {
    /// A bare status that carries the error along; `guard` makes the page of it, in the language of the request.
    fn into_response(self) -> Response {
        match &self {
            Self::SeeOther(path) => Redirect::to(path).into_response(),
            other => {
                let mut response = other.status().into_response();
                response.extensions_mut().insert(self);
                response
            }
        }
    }
}

impl From<RecordsError> for WebError {
    fn from(error: RecordsError) -> Self {
        tracing::error!(%error, "a page could not be made");
        Self::Unavailable
    }
}

impl From<MailServerError> for WebError {
    fn from(error: MailServerError) -> Self {
        tracing::error!(%error, "the mail could not be opened");
        Self::Unavailable
    }
}

impl From<NoSession> for WebError {
    fn from(why: NoSession) -> Self {
        match why {
            NoSession::Gone => Self::SeeOther("/login".to_owned()),
            NoSession::Unavailable => Self::Unavailable,
        }
    }
}
