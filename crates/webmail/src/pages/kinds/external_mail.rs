//! External mail: codes that are mailed to a private address.

use async_trait::async_trait;
use maud::{Markup, html};
use sekisho_checkpoint::factor::{Factor, FactorKind};
use sekisho_checkpoint::web::FactorOwed;
use sekisho_checkpoint::{Challenge, Proof};
use sekisho_otp::OtpCode;

use super::{KindPages, Question};
use crate::lang::Lang;
use crate::layout::csrf_field;
use crate::pages::{parts, typed};
use crate::visit::detour;

const ISSUE: &str = "/mfa-step/mail/issue";

pub(super) struct Pages;

#[async_trait]
impl KindPages for Pages {
    fn step(&self) -> &'static str {
        "/mfa-step/mail"
    }

    fn challenge(&self) -> Option<&'static str> {
        Some(ISSUE)
    }

    fn help(&self) -> &'static str {
        "outside"
    }

    fn name(&self, lang: Lang) -> String {
        t!(lang, "external-mail-auth")
    }

    fn hint(&self, lang: Lang) -> String {
        t!(lang, "step-mail-hint")
    }

    fn wrong(&self, lang: Lang) -> String {
        t!(lang, "proof-wrong")
    }

    fn read(&self, typed: &str, lang: Lang) -> Result<Proof, String> {
        let code = OtpCode::parse(typed).map_err(|error| typed::otp(lang, error))?;
        Ok(Proof::Mail(code))
    }

    fn field(&self) -> &'static str {
        "otp"
    }

    async fn question(&self, question: Question<'_>) -> Markup {
        let Question {
            visit,
            owed,
            why,
            to,
            challenge,
            problem,
        } = question;
        let lang = visit.lang;
        let shown = masked(owed);
        let issue = detour(ISSUE, to);
        let Some(Challenge::Mailed(code)) = challenge else {
            return html! {
                (why)
                p { (t!(lang, "step-mail-issue", to = shown)) }
                form method="post" action=(issue) {
                    (csrf_field(visit))
                    div.buttons { button { (t!(lang, "issue-otp")) } }
                }
            };
        };
        html! {
            (parts::letter(visit, &shown, code.letter, Some(code)).await)
            form method="post" action=(detour(self.step(), to)) {
                (csrf_field(visit))
                (parts::otp_field(visit, problem.is_some()))
                div.buttons { button { (t!(lang, "log-in-by-otp")) } }
            }
            details {
                summary { (t!(lang, "letter-not-there")) }
                div.stack {
                    p { (t!(lang, "letter-not-there-hint")) }
                    (parts::again(visit, &issue, Some(code), html! {}))
                }
            }
        }
    }

    fn label(&self, factor: &Factor, _: Lang) -> String {
        factor
            .address()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    fn beside(&self, _: bool, lang: Lang) -> (&'static str, String) {
        ("/preferences/mfa/app", t!(lang, "only-one-add-app"))
    }
}

/// The registered address, of which somebody who knows no more than the password sees only a part.
fn masked(owed: &FactorOwed) -> String {
    owed.standing()
        .of_kind(FactorKind::ExternalMail)
        .find_map(Factor::address)
        .map(parts::masked)
        .unwrap_or_default()
}
