//! The other address of a line joins the grant: a token for the page that won it, and the place where a request by the other address family brings it.
//!
//! The second comes to another name of this webmail, where the browser holds no cookie of ours; what it may do is in the token alone.

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
use crate::visit::{Seated, Visit};

/// For the script of a page: a token, or nothing where no companion can join (any more).
pub(super) async fn token(
    State(context): State<Arc<Context>>,
    seated: Seated,
    _posted: Form,
) -> Result<Response, WebError> {
    let token = context.checkpoint.offer_companion(&seated.seat).await?;
    let token = token.map(|token| token.expose());
    Ok(Json(json!({ "token": token })).into_response())
}

/// Takes a token that came by the other address family.
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
