//! Lets the browser's other address family join a grant: a token for the page whose source holds the grant, and the
//! route to which a request from the other family brings it.
//!
//! That request comes to another host name of this webmail, for which the browser holds no cookie of ours. Only the
//! token says what it may do.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use sekisho_checkpoint::{CompanionError, CompanionToken};
use serde_json::json;

use crate::config::Context;
use crate::error::WebError;
use crate::form::{Form, SisterForm};
use crate::visit::{AdmittedVisit, Visit};

/// Gives a page's script a token, or `null` if no companion can join the grant (any more).
pub(super) async fn token(
    State(context): State<Arc<Context>>,
    admitted: AdmittedVisit,
    _posted: Form,
) -> Result<Response, WebError> {
    let token = context
        .checkpoint
        .offer_companion(&admitted.session)
        .await?;
    let token = token.map(|token| token.expose());
    Ok(Json(json!({ "token": token })).into_response())
}

/// Takes a token from a request of the other address family.
pub(super) async fn join(
    State(context): State<Arc<Context>>,
    visit: Visit,
    SisterForm(fields): SisterForm,
) -> Result<Response, WebError> {
    let token = CompanionToken::parse(fields.text("token")).ok_or(WebError::BadRequest)?;
    let joined = context
        .checkpoint
        .claim_companion(&token, visit.source, &visit.client)
        .await;
    let (status, outcome) = match joined {
        Ok(()) => (StatusCode::OK, "joined"),
        Err(CompanionError::SameFamily) => (StatusCode::CONFLICT, "same"),
        Err(CompanionError::Past | CompanionError::SourceObscured) => (StatusCode::GONE, "past"),
        Err(CompanionError::Unavailable) => return Err(WebError::Unavailable),
    };
    let home = &context.config.base_url;
    if fields.has("script") {
        let origin = HeaderValue::from_str(&home.origin().ascii_serialization());
        let origin = origin.map_err(|_| WebError::Unavailable)?;
        let allowed = AppendHeaders([(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)]);
        return Ok((status, allowed, Json(json!({ "outcome": outcome }))).into_response());
    }
    let back = home
        .join(&format!("/mfa?companion={outcome}"))
        .map_err(|_| WebError::Unavailable)?;
    Ok(Redirect::to(back.as_str()).into_response())
}
