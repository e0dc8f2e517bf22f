//! The page that changes the password.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::html;
use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::ports::PasswordChange;
use sekisho_checkpoint::web::{Browser, Person};
use sekisho_checkpoint::{Account, ChangeError, Password, Reproof};

use super::ask::{Ask, Refused, factor_fields};
use super::parts;
use super::preferences::crumbs;
use crate::config::Context;
use crate::error::WebError;
use crate::form::Form;
use crate::layout::{Page, Tone, Whose, csrf_field, notice};
use crate::to_login;
use crate::visit::{AdmittedVisit, query_value};

const HERE: &str = "/preferences/password";

/// The form, or a link to the site's own password page.
pub(super) async fn show(admitted: AdmittedVisit) -> Result<Response, WebError> {
    page(&admitted, FactorKind::OtpApp, None).await
}

/// Changes the password.
pub(super) async fn change(
    State(context): State<Arc<Context>>,
    admitted: AdmittedVisit,
    posted: Form,
) -> Result<Response, WebError> {
    let (visit, fields) = (&admitted.visit, &posted.fields);
    let lang = visit.lang;
    // `Ask` is used for the factor only. It would carry fields along in hidden fields, which passwords must not be in.
    let ask = Ask {
        admitted: &admitted,
        action: "/preferences/password",
        title: t!(lang, "password-change"),
        consequence: None,
        back: HERE,
        fields,
    };
    let kind = ask.chosen_kind();
    if ask.mails_code() {
        let words = ask.issue().await?;
        return page(&admitted, kind, words.as_deref()).await;
    }
    if ask.wants_recovery() {
        return page(&admitted, kind, None).await;
    }
    let proof = match ask.proof() {
        Ok(proof) => proof,
        Err(words) => return page(&admitted, kind, Some(&words)).await,
    };
    let new = fields.text("new");
    if new != fields.text("again") {
        return page(&admitted, kind, Some(&t!(lang, "password-differs"))).await;
    }
    let reproof = Reproof {
        proof,
        ..Reproof::none()
    };
    let old = Password::new(fields.text("old").to_owned());
    let new = Password::new(new.to_owned());
    let wants_password = |account: &Account| context.mail.wants_password(account);
    let browser = Browser {
        client: &visit.client,
        token: None,
        keeps_password: Some(&wants_password),
    };
    let outcome = context
        .checkpoint
        .change_password(&admitted.session, old, &new, reproof, browser)
        .await;
    let words = match outcome {
        Ok(()) => return Err(WebError::SeeOther(format!("{HERE}?done=1"))),
        Err(ChangeError::WrongPassword) => t!(lang, "password-old-wrong"),
        Err(error) => match Refused::change(visit, error) {
            Refused::Needed { .. } => t!(lang, "password-factor-needed"),
            Refused::BadProof(words) | Refused::Other(words) => words,
            Refused::Ended => return Err(WebError::SeeOther(to_login::again(HERE))),
            Refused::Unavailable => return Err(WebError::Unavailable),
        },
    };
    page(&admitted, kind, Some(&words)).await
}

/// The person says that they changed the password at the site's own page.
pub(super) async fn changed_elsewhere(
    State(context): State<Arc<Context>>,
    admitted: AdmittedVisit,
    _posted: Form,
) -> Result<Response, WebError> {
    let client = &admitted.visit.client;
    let said = context
        .checkpoint
        .password_changed_elsewhere(&admitted.session, client);
    said.await.map_err(|error| match error {
        ChangeError::ChangedHere => WebError::BadRequest,
        _ => WebError::Unavailable,
    })?;
    Err(WebError::SeeOther("/".to_owned()))
}

async fn page(
    admitted: &AdmittedVisit,
    kind: FactorKind,
    problem: Option<&str>,
) -> Result<Response, WebError> {
    let AdmittedVisit { visit, session, .. } = admitted;
    let lang = visit.lang;
    let checkpoint = &visit.context.checkpoint;
    let body = match checkpoint.password_change() {
        PasswordChange::At(url) => html! {
            p { (t!(lang, "password-elsewhere")) }
            div.buttons { a.button href=(url) rel="noreferrer" { (t!(lang, "password-page")) } }
            @if visit.password_wanted {
                form method="post" action="/preferences/password/elsewhere" {
                    (csrf_field(visit))
                    div.buttons { button.quiet { (t!(lang, "password-changed-elsewhere")) } }
                }
            }
        },
        PasswordChange::Here => {
            let view = checkpoint.mfa_view(session);
            let kinds = match view.owed_again.factor {
                true => checkpoint.offered(Person::from(session)),
                false => Vec::new(),
            };
            let factor = factor_fields(admitted, &kinds, kind).await?;
            let field = |name: &str, label: String, complete: &str| {
                html! {
                    div.field {
                        label for=(name) { (label) }
                        input id=(name) name=(name) type="password" required autocomplete=(complete) maxlength="1024";
                    }
                }
            };
            html! {
                p { (t!(lang, "password-consequence")) }
                form method="post" action=(HERE) {
                    (parts::enter_button(&t!(lang, "change")))
                    (csrf_field(visit))
                    input type="hidden" name="user" autocomplete="username" value=(session.account().login);
                    (factor)
                    (field("old", t!(lang, "password-old"), "current-password"))
                    (field("new", t!(lang, "password-new"), "new-password"))
                    (field("again", t!(lang, "password-again"), "new-password"))
                    div.buttons {
                        button { (t!(lang, "change")) }
                        a.button.quiet href="/preferences" { (t!(lang, "cancel")) }
                    }
                }
            }
        }
    };
    let is_done = query_value(&visit.path, "done").is_some() && problem.is_none();
    Ok(Page::new(visit, t!(lang, "password-change"))
        .of(Whose::Admitted(session.account()))
        .help("password")
        .show(html! {
            (crumbs(visit, false))
            section.card {
                h1 { (t!(lang, "password-change")) }
                (parts::wrong(problem))
                @if visit.password_wanted && problem.is_none() {
                    (notice(Tone::Warning, html! { p { (t!(lang, "password-wanted-why")) } }))
                }
                @if is_done { (notice(Tone::Good, html! { p { (t!(lang, "done-password")) } })) }
                (body)
            }
        }))
}
