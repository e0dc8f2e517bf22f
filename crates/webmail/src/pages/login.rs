//! The login page: user name and password.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use maud::html;
use sekisho_checkpoint::web::{Browser, NoSession, SignInError, WebStanding};
use sekisho_checkpoint::{Account, Password};

use crate::config::Context;
use crate::cookie::Cookie;
use crate::csrf::{fresh_secret, hex};
use crate::error::WebError;
use crate::form::Form;
use crate::layout::{Page, Tone, csrf_field, notice};
use crate::stash;
use crate::time;
use crate::to_login;
use crate::visit::{Visit, detour, local_path, query_value};

/// The login form; those who are signed in are redirected. Its CSRF token needs a secret before there is a session:
/// without one, a stranger's page could sign people in to the stranger's account.
pub(super) async fn show(visit: Visit) -> Result<Response, WebError> {
    let to = query_value(&visit.path, "to").and_then(|to| local_path(&to));
    let why = match visit.session().await {
        Ok(_) => return Err(WebError::SeeOther(to.unwrap_or_else(|| "/".to_owned()))),
        Err(NoSession::Unavailable) => return Err(WebError::Unavailable),
        Err(NoSession::Superseded { has_stash }) => Why::AnswerLost { has_stash },
        Err(NoSession::Gone) => Why::of(&visit),
    };
    if visit.has_secret() {
        return Ok(form(&visit, to.as_deref(), "", &why));
    }
    let secret = fresh_secret().ok_or(WebError::Unavailable)?;
    let cookie = Cookie::Before.set(&visit.context.config, &hex(&secret));
    let visit = visit.with_secret(&secret);
    let page = form(&visit, to.as_deref(), "", &why);
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
        token: visit.token(),
        keeps_password: Some(&wants_password),
    };
    let outcome = context
        .checkpoint
        .sign_in(name, password, visit.source, browser)
        .await;
    let signed = match outcome {
        Ok(signed) => signed,
        Err(SignInError::Unavailable) => return Err(WebError::Unavailable),
        Err(refused) => return Ok(form(&visit, to.as_deref(), name, &Why::Refused(refused))),
    };
    // What was being written when an answer was lost is what the person wants to see next.
    let to = stash::page(&signed).or(to);
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

/// Why the login page is shown.
enum Why {
    /// Somebody comes, from wherever.
    Asked,
    /// The mailbox did not take the password.
    Mailbox,
    /// There were too many wrong codes.
    TooManyCodes,
    /// A code was accepted, and the answer was lost.
    AnswerLost { has_stash: bool },
    /// The password was not accepted.
    Refused(SignInError),
}

impl Why {
    /// As the page's address says.
    fn of(visit: &Visit) -> Self {
        if query_value(&visit.path, to_login::MAILBOX).is_some() {
            Self::Mailbox
        } else if query_value(&visit.path, to_login::AGAIN).is_some() {
            Self::TooManyCodes
        } else {
            Self::Asked
        }
    }

    fn notice(&self, visit: &Visit) -> Option<(Tone, String)> {
        let lang = visit.lang;
        Some(match self {
            Self::Asked => return None,
            Self::Mailbox => (Tone::Warning, t!(lang, "login-mailbox")),
            Self::TooManyCodes => (Tone::Warning, t!(lang, "proof-password-again")),
            Self::AnswerLost { has_stash: true } => {
                (Tone::Warning, t!(lang, "login-answer-lost-draft-kept"))
            }
            Self::AnswerLost { has_stash: false } => (Tone::Warning, t!(lang, "login-answer-lost")),
            Self::Refused(SignInError::Throttled(until)) => {
                let until = time::hour(&visit.context.config.zone, *until);
                (Tone::Wrong, t!(lang, "login-throttled", until = until))
            }
            Self::Refused(SignInError::Refused | SignInError::Unavailable) => {
                (Tone::Wrong, t!(lang, "login-refused"))
            }
        })
    }
}

fn form(visit: &Visit, to: Option<&str>, name: &str, why: &Why) -> Response {
    let lang = visit.lang;
    Page::new(visit, t!(lang, "log-in")).show(html! {
        section.card {
            h1 { (t!(lang, "log-in")) }
            @if let Some((tone, words)) = why.notice(visit) {
                (notice(tone, html! { p { (words) } }))
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
