//! Signing out, and the choice of the language.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};

use crate::config::Context;
use crate::cookie::Cookie;
use crate::error::WebError;
use crate::form::{Form, HarmlessForm};
use crate::lang::Lang;
use crate::visit::{Signed, local_path};

/// Ends the session, whether it owes a factor or not.
pub(super) async fn leave(
    State(context): State<Arc<Context>>,
    signed: Signed,
    _form: Form,
) -> Result<Response, WebError> {
    context.checkpoint.sign_out(signed.record().id).await?;
    let cookie = Cookie::Session.clear(&context.config);
    Ok((
        AppendHeaders(cookie.map(|c| (header::SET_COOKIE, c))),
        Redirect::to("/login"),
    )
        .into_response())
}

/// Sets the language and returns to the page. It needs no CSRF token, because a stranger gains nothing by it.
pub(super) async fn choose_language(
    State(context): State<Arc<Context>>,
    HarmlessForm(fields): HarmlessForm,
) -> Result<Response, WebError> {
    let lang = Lang::parse(fields.text("language")).ok_or(WebError::BadRequest)?;
    let to = local_path(fields.text("to")).unwrap_or_else(|| "/".to_owned());
    let cookie = Cookie::Language.set(&context.config, lang.tag());
    Ok((
        AppendHeaders(cookie.map(|c| (header::SET_COOKIE, c))),
        Redirect::to(&to),
    )
        .into_response())
}
