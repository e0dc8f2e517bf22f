//! Proving a factor after the password: the choice, and a page for each kind. What is particular to a kind is in
//! `kinds`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use sekisho_checkpoint::ProofError;
use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::web::{FactorOwed, FirstStep, Person};

use super::kinds::{self, Question};
use super::parts::{self, destination};
use super::words;
use crate::config::Context;
use crate::error::WebError;
use crate::form::Form;
use crate::layout::{Page, Tone, Whose, notice};
use crate::route::{Route, Who};
use crate::to_login;
use crate::visit::{Owing, Visit, detour};

/// The choice, and for each kind its page, its form, and what asks for a challenge.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![Route::get("/mfa-step", Who::Owing, show)];
    for kind in FactorKind::ALL {
        let pages = kinds::of(kind);
        let ask = move |context: State<Arc<Context>>, owing: Owing| ask(kind, context, owing);
        let take = move |context: State<Arc<Context>>, owing: Owing, posted: Form| {
            take(kind, context, owing, posted)
        };
        routes.push(Route::get(pages.step(), Who::Owing, ask));
        routes.push(Route::post(pages.step(), Who::Owing, take));
        if let Some(path) = pages.challenge() {
            let challenge = move |context: State<Arc<Context>>, owing: Owing, posted: Form| {
                challenge(kind, context, owing, posted)
            };
            routes.push(Route::post(path, Who::Owing, challenge));
        }
    }
    routes
}

/// Redirects to the page of the factor that is owed, or shows the choice.
async fn show(Owing { visit, owed, .. }: Owing) -> Result<Response, WebError> {
    let to = destination(&visit);
    match owed.first_step() {
        FirstStep::Prove(offered) => {
            let everyday = offered
                .iter()
                .filter(|kind| kinds::of(**kind).is_everyday());
            match everyday.collect::<Vec<_>>().as_slice() {
                [only] => Err(WebError::SeeOther(detour(kinds::of(**only).step(), &to))),
                _ => Ok(choice(&visit, &owed, offered, &to)),
            }
        }
        FirstStep::AllDisabled => Ok(all_disabled(&visit, &owed)),
        FirstStep::Register(_) => Err(WebError::SeeOther(detour("/mfa-step/register", &to))),
    }
}

/// The page that asks for a factor of a kind.
async fn ask(
    kind: FactorKind,
    State(context): State<Arc<Context>>,
    Owing { visit, owed, .. }: Owing,
) -> Result<Response, WebError> {
    offered(&visit, &owed, kind)?;
    page(&context, kind, &visit, &owed, None).await
}

/// Asks for a challenge of a kind.
async fn challenge(
    kind: FactorKind,
    State(context): State<Arc<Context>>,
    Owing { visit, owed, .. }: Owing,
    _posted: Form,
) -> Result<Response, WebError> {
    match context
        .checkpoint
        .challenge(Person::from(&owed), kind)
        .await
    {
        // The page is shown by a GET, so that reloading it asks for no other.
        Ok(_) => Err(WebError::SeeOther(detour(
            kinds::of(kind).step(),
            &destination(&visit),
        ))),
        Err(ProofError::Unavailable) => Err(WebError::Unavailable),
        Err(error) => {
            let words = words::proof(&visit, &error);
            page(&context, kind, &visit, &owed, Some(&words)).await
        }
    }
}

/// Takes a code of a kind, and redirects to where the person was; or says what is wrong with the code.
async fn take(
    kind: FactorKind,
    State(context): State<Arc<Context>>,
    owing: Owing,
    posted: Form,
) -> Result<Response, WebError> {
    let (visit, pages) = (&owing.visit, kinds::of(kind));
    let proof = match pages.read(posted.fields.text(pages.field()), visit.lang) {
        Ok(proof) => proof,
        Err(words) => return page(&context, kind, visit, &owing.owed, Some(&words)).await,
    };
    let proven = context
        .checkpoint
        .prove(&owing.owed, proof, &visit.client)
        .await;
    match proven {
        Ok(token) => {
            let to = destination(visit);
            Ok(parts::go_on(&context, &token, &to))
        }
        Err(ProofError::Unavailable) => Err(WebError::Unavailable),
        Err(ProofError::PasswordAgain) => {
            Err(WebError::SeeOther(to_login::again(&destination(visit))))
        }
        Err(error) => {
            let words = words::proof(visit, &error);
            page(&context, kind, visit, &owing.owed, Some(&words)).await
        }
    }
}

async fn page(
    context: &Context,
    kind: FactorKind,
    visit: &Visit,
    owed: &FactorOwed,
    problem: Option<&str>,
) -> Result<Response, WebError> {
    let (pages, to) = (kinds::of(kind), destination(visit));
    let challenge = match pages.challenge() {
        Some(_) => {
            let person = Person::from(owed);
            context.checkpoint.waiting_challenge(person, kind).await?
        }
        None => None,
    };
    let question = pages.question(Question {
        visit,
        owed,
        why: why(visit),
        to: &to,
        challenge: challenge.as_ref(),
        problem,
    });
    let question = question.await;
    Ok(Page::new(visit, pages.name(visit.lang))
        .of(Whose::Owing(owed.account()))
        .help(pages.help())
        .show(html! {
            section.card {
                h1 { (pages.name(visit.lang)) }
                (parts::wrong(problem))
                (question)
                (other_ways(visit, owed, kind))
            }
        }))
}

fn offered(visit: &Visit, owed: &FactorOwed, kind: FactorKind) -> Result<(), WebError> {
    match owed.first_step() {
        FirstStep::Prove(kinds) if kinds.contains(&kind) => Ok(()),
        _ => Err(WebError::SeeOther(detour("/mfa-step", &destination(visit)))),
    }
}

fn choice(visit: &Visit, owed: &FactorOwed, kinds: &[FactorKind], to: &str) -> Response {
    let lang = visit.lang;
    Page::new(visit, t!(lang, "mfa"))
        .of(Whose::Owing(owed.account()))
        .help("outside")
        .show(html! {
            section.card {
                h1 { (t!(lang, "mfa")) }
                (why(visit))
                p { (t!(lang, "step-choose")) }
                div.rows {
                    @for kind in kinds {
                        @let pages = kinds::of(*kind);
                        a.row href=(detour(pages.step(), to)) {
                            span.grow {
                                span.title { (pages.name(lang)) }
                                span.hint { (pages.hint(lang)) }
                            }
                            @if pages.is_recommended() { span.badge { (t!(lang, "recommended")) } }
                        }
                    }
                }
            }
        })
}

/// Says which address the factor is asked for.
fn why(visit: &Visit) -> Markup {
    let address = visit.source.shown_address();
    let network = visit.context.checkpoint.network_name(address);
    let from = match network {
        Some(name) => format!("{address} ({name})"),
        None => address.to_string(),
    };
    html! { p.hint { (t!(visit.lang, "step-why", from = from)) } }
}

/// Links to the other factors, and to the guide for people who have none at hand.
fn other_ways(visit: &Visit, owed: &FactorOwed, this: FactorKind) -> Markup {
    let lang = visit.lang;
    let to = destination(visit);
    let FirstStep::Prove(offered) = owed.first_step() else {
        return html! {};
    };
    let others = offered.iter().filter(|kind| **kind != this);
    html! {
        nav.ways aria-label=(t!(lang, "step-other-way")) {
            ul {
                @for pages in others.map(|kind| kinds::of(*kind)) {
                    li { a href=(detour(pages.step(), &to)) { (t!(lang, "step-use", what = pages.name(lang))) } }
                }
                li { a href="/help#lost-phone" { (t!(lang, "step-nothing-at-hand")) } }
            }
        }
    }
}

fn all_disabled(visit: &Visit, owed: &FactorOwed) -> Response {
    let lang = visit.lang;
    Page::new(visit, t!(lang, "mfa"))
        .of(Whose::Owing(owed.account()))
        .help("outside")
        .show(html! {
            section.card {
                h1 { (t!(lang, "all-disabled")) }
                (notice(Tone::Warning, html! { p { (t!(lang, "all-disabled-why")) } }))
                p { (t!(lang, "all-disabled-what-to-do")) }
            }
        })
}
