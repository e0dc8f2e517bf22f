//! The moment from which a request is finished even if the browser leaves.

use std::sync::{Arc, OnceLock};

use axum::http::Extensions;
use sekisho_net::{Finisher, Presence, WorkPermit};
use sekisho_source::Source;

use crate::error::WebError;

/// Gets a request its permit to change something. `guard` adds it to each request that may, and forms use it.
///
/// The permit is taken when the form has arrived, not before: a browser that sends slowly holds none. Should it hang up
/// until then, nothing has happened yet.
#[derive(Clone)]
pub(crate) struct Beginning(Arc<Request>);

struct Request {
    finisher: Finisher,
    source: Source,
    browser: Presence,
    permit: OnceLock<WorkPermit>,
}

impl Beginning {
    pub(crate) fn new(finisher: Finisher, source: Source, browser: Presence) -> Self {
        Self(Arc::new(Request {
            finisher,
            source,
            browser,
            permit: OnceLock::new(),
        }))
    }

    /// Waits for the permit of a request whose form has arrived. It is held until the request is finished.
    ///
    /// # Errors
    /// [`WebError::Unavailable`] if too much that came from the same source is not finished yet.
    pub(crate) async fn of(request: &Extensions) -> Result<(), WebError> {
        let Some(Self(request)) = request.get() else {
            tracing::error!("a form was read for a request that can't be finished");
            return Err(WebError::Unavailable);
        };
        let permit = tokio::select! {
            biased;
            () = request.browser.left() => return Err(WebError::BadRequest),
            permit = request.finisher.permit(&request.source) => permit,
        };
        let permit = permit.map_err(|error| {
            tracing::warn!(%error, "a form was turned away");
            WebError::Unavailable
        })?;
        // A handler that reads two forms holds the permit of the first.
        request.permit.set(permit).ok();
        Ok(())
    }
}
