//! The errors of a request, and how each becomes an HTTP status and an explanation.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sekisho_checkpoint::ports::RecordsError;
use sekisho_checkpoint::web::NoSession;

use crate::config::MailServerError;
use crate::lang::Lang;

/// Why a handler returns no page. `guard` turns it into an error page in the person's language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebError {
    /// Go to another page: a local path.
    #[error("see {0:?}")]
    SeeOther(String),
    /// No such page, message or folder.
    #[error("there is nothing at this address")]
    NotFound,
    /// The address exists, but not for this method.
    #[error("the method does not apply here")]
    MethodNotAllowed,
    /// The form can't be understood.
    #[error("the form can't be understood")]
    BadRequest,
    /// No page of ours sent the POST, or a page that is too old did.
    #[error("the form is too old, or not ours")]
    TooOld,
    /// The form carries more than one form may.
    #[error("too much was sent at once")]
    TooLarge,
    /// The checkpoint or the mail server can't be reached just now.
    #[error("temporarily out of reach")]
    Unavailable,
    /// The handler panicked. The log has the details.
    #[error("the request ended by a fault of ours")]
    Broken,
}

impl WebError {
    /// The HTTP status.
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
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A title, and what the person can do about the error.
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
            Self::Broken => (
                t!(lang, "error-broken"),
                t!(lang, "error-broken-what-to-do"),
            ),
        }
    }
}

impl IntoResponse for WebError {
    /// A bare status that carries the error along; `guard` makes the page, since it knows the language of the request.
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
            NoSession::Gone | NoSession::Superseded { .. } => Self::SeeOther("/login".to_owned()),
            NoSession::Unavailable => Self::Unavailable,
        }
    }
}
