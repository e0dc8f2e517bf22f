//! The login page: user name and password.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use maud::html;
use sekisho_checkpoint::web::{Browser, SignInError, WebStanding};
use sekisho_checkpoint::{Account, Password};

use crate::config::Context;
use crate::cookie::Cookie;
use crate::csrf::{fresh_secret, hex};
use crate::error::WebError;
use crate::form::Form;
use crate::layout::{Page, Tone, csrf_field, notice};
use crate::time;
use crate::to_login;
use crate::visit::{Signed, Visit, detour, local_path, query_value};

/// The login form; those who are signed in are redirected. Its CSRF token needs a secret before there is a session:
/// without one, a stranger's page could sign people in to the stranger's account.
pub(super) async fn show(
    visit: Visit,
    signed: Result<Signed, WebError>,
) -> Result<Response, WebError> {
    let to = query_value(&visit.path, "to").and_then(|to| local_path(&to));
    match signed {
        Ok(_) => return Err(WebError::SeeOther(to.unwrap_or_else(|| "/".to_owned()))),
        Err(WebError::Unavailable) => return Err(WebError::Unavailable),
        Err(_) => {}
    }
    if visit.has_secret() {
        return Ok(form(&visit, to.as_deref(), "", None));
    }
    let secret = fresh_secret().ok_or(WebError::Unavailable)?;
    let cookie = Cookie::Before.set(&visit.context.config, &hex(&secret));
    let visit = visit.with_secret(&secret);
    let page = form(&visit, to.as_deref(), "", None);
    Ok((AppendHeaders(cookie.map(|c| (header::SET_COOKIE, c))), page).into_response())
}

/// Takes the user name and the password.
pub(super) async fn enter(
    State(context): State<Arc<Context>>,
    visit: Visit,
    posted: Form,
) -> Result<Response, WebError> {
    let fields = &posted.fields;
    let to = local_path(fields.text("to"));
    let name = fields.text("user");
    let password = Password::new(fields.text("password").to_owned());
    let wants_password = |account: &Account| context.mail.wants_password(account);
    let browser = Browser {
        client: &visit.client,
        keeps_password: Some(&wants_password),
    };
    let outcome = context
        .checkpoint
        .sign_in(name, password, visit.source, browser)
        .await;
    let signed = match outcome {
        Ok(signed) => signed,
        Err(SignInError::Unavailable) => return Err(WebError::Unavailable),
        Err(refused) => return Ok(form(&visit, to.as_deref(), name, Some(&refused))),
    };
    let cookie = Cookie::Session.set(&context.config, &signed.token.expose());
    let to = to.unwrap_or_else(|| "/".to_owned());
    let next = match signed.standing {
        WebStanding::Admitted(_) => to,
        WebStanding::Owed(_) => detour("/mfa-step", &to),
    };
    Ok((
        AppendHeaders(cookie.map(|c| (header::SET_COOKIE, c))),
        Redirect::to(&next),
    )
        .into_response())
}

fn form(visit: &Visit, to: Option<&str>, name: &str, refused: Option<&SignInError>) -> Response {
    let lang = visit.lang;
    let wrong = refused.map(|why| match why {
        SignInError::Throttled(until) => {
            let until = time::hour(&visit.context.config.zone, *until);
            t!(lang, "login-throttled", until = until)
        }
        SignInError::Refused | SignInError::Unavailable => t!(lang, "login-refused"),
    });
    Page::new(visit, t!(lang, "log-in")).show(html! {
        section.card {
            h1 { (t!(lang, "log-in")) }
            @if let Some(wrong) = &wrong {
                (notice(Tone::Wrong, html! { p { (wrong) } }))
            } @else if query_value(&visit.path, to_login::MAILBOX).is_some() {
                (notice(Tone::Warning, html! { p { (t!(lang, "login-mailbox")) } }))
            } @else if query_value(&visit.path, to_login::AGAIN).is_some() {
                (notice(Tone::Warning, html! { p { (t!(lang, "proof-password-again")) } }))
            } @else if to.is_some() {
                p.hint { (t!(lang, "login-first")) }
            }
            form method="post" action="/login" {
                (csrf_field(visit))
                @if let Some(to) = to { input type="hidden" name="to" value=(to); }
                div.field {
                    label for="user" { (t!(lang, "user-name")) }
                    input #user name="user" value=(name) required autocomplete="username" autocapitalize="none"
                        autocorrect="off" spellcheck="false" autofocus[name.is_empty()] maxlength="254";
                }
                div.field {
                    label for="password" { (t!(lang, "password")) }
                    input #password name="password" type="password" required autocomplete="current-password"
                        autofocus[!name.is_empty()] maxlength="1024";
                }
                div.buttons { button { (t!(lang, "log-in")) } }
            }
        }
    })
}
