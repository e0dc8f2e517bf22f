//! OTP apps.

use async_trait::async_trait;
use maud::{Markup, html};
use sekisho_checkpoint::Proof;
use sekisho_checkpoint::factor::Factor;
use sekisho_otp::OtpCode;

use super::{KindPages, Question};
use crate::lang::Lang;
use crate::layout::csrf_field;
use crate::pages::{parts, typed};
use crate::visit::detour;

pub(super) struct Pages;

#[async_trait]
impl KindPages for Pages {
    fn step(&self) -> &'static str {
        "/mfa-step/app"
    }

    fn help(&self) -> &'static str {
        "outside"
    }

    fn name(&self, lang: Lang) -> String {
        t!(lang, "otp-app-auth")
    }

    fn hint(&self, lang: Lang) -> String {
        t!(lang, "step-app-hint")
    }

    fn is_recommended(&self) -> bool {
        true
    }

    fn has_names(&self) -> bool {
        true
    }

    /// At a sign-in the text must not say that a clock is fast: it would confirm a code that becomes valid later.
    fn wrong(&self, lang: Lang) -> String {
        t!(lang, "proof-wrong-app")
    }

    fn read(&self, typed: &str, lang: Lang) -> Result<Proof, String> {
        let code = OtpCode::parse(typed).map_err(|error| typed::otp(lang, error))?;
        Ok(Proof::App(code))
    }

    fn field(&self) -> &'static str {
        "otp"
    }

    async fn question(&self, question: Question<'_>) -> Markup {
        let Question {
            visit,
            why,
            to,
            problem,
            ..
        } = question;
        let lang = visit.lang;
        html! {
            @if problem.is_none() { (why) }
            form method="post" action=(detour(self.step(), to)) {
                (csrf_field(visit))
                (parts::otp_field(visit, problem.is_some()))
                div.buttons { button { (t!(lang, "log-in-by-otp")) } }
            }
            p.hint {
                (t!(lang, "step-app-where")) " "
                a href=(visit.context.config.app_url) target="_blank" rel="noopener noreferrer" {
                    (t!(lang, "open-app"))
                }
            }
        }
    }

    fn label(&self, factor: &Factor, lang: Lang) -> String {
        if factor.name.is_empty() {
            return t!(lang, "otp-app");
        }
        factor.name.clone()
    }

    fn beside(&self, mail: bool, lang: Lang) -> (&'static str, String) {
        match mail {
            true => ("/preferences/mfa/mail", t!(lang, "only-one-add-mail")),
            false => ("/preferences/mfa/app", t!(lang, "only-one-add-second-app")),
        }
    }
}
