//! Recovery codes.

use async_trait::async_trait;
use maud::{Markup, html};
use sekisho_checkpoint::factor::Factor;
use sekisho_checkpoint::{OneTimeCode, Proof};

use super::{KindPages, Question};
use crate::lang::Lang;
use crate::layout::csrf_field;
use crate::pages::{parts, typed};
use crate::visit::detour;

const FIELD: &str = "recovery-code";

pub(super) struct Pages;

#[async_trait]
impl KindPages for Pages {
    fn step(&self) -> &'static str {
        "/mfa-step/recovery"
    }

    fn help(&self) -> &'static str {
        "recovery-codes"
    }

    fn name(&self, lang: Lang) -> String {
        t!(lang, "recovery-code")
    }

    fn hint(&self, lang: Lang) -> String {
        t!(lang, "step-recovery-hint")
    }

    fn is_everyday(&self) -> bool {
        false
    }

    fn wrong(&self, lang: Lang) -> String {
        t!(lang, "proof-wrong-recovery")
    }

    fn read(&self, typed: &str, lang: Lang) -> Result<Proof, String> {
        let code = OneTimeCode::parse(typed).map_err(|found| typed::recovery_code(lang, found))?;
        Ok(Proof::Recovery(code))
    }

    fn field(&self) -> &'static str {
        FIELD
    }

    async fn question(&self, question: Question<'_>) -> Markup {
        let Question {
            visit, to, problem, ..
        } = question;
        let lang = visit.lang;
        html! {
            p { (t!(lang, "step-recovery-hint")) }
            form method="post" action=(detour(self.step(), to)) {
                (csrf_field(visit))
                (parts::recovery_field(visit, FIELD, problem.is_some()))
                div.buttons { button { (t!(lang, "log-in-by-otp")) } }
            }
        }
    }

    /// Codes stand beside factors and are none themselves.
    fn label(&self, _: &Factor, lang: Lang) -> String {
        self.name(lang)
    }

    fn beside(&self, _: bool, lang: Lang) -> (&'static str, String) {
        ("/preferences/mfa/app", t!(lang, "only-one-add-app"))
    }
}
