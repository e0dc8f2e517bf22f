//! Asks for the password again before a change, and for a factor where one is needed.
//!
//! The page that asks carries the change along: what was typed for it is in hidden fields, so that the change is made
//! as soon as the proof is given.

use axum::response::Response;
use maud::{Markup, html};
use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::web::Person;
use sekisho_checkpoint::{Challenge, ChangeError, Proof, ProofError, RegisterError, Reproof};

use super::{kinds, parts, words};
use crate::error::WebError;
use crate::form_fields::Fields;
use crate::layout::{Page, Whose, csrf_field};
use crate::to_login;
use crate::visit::{AdmittedVisit, Visit};

const PASSWORD: &str = "proof-password";
const KIND: &str = "proof-kind";
const CODE: &str = "otp";
const ISSUE: &str = "proof-issue";
const RECOVER: &str = "proof-recover";
/// Fields that the page asks for again, instead of carrying them in hidden fields.
const NOT_CARRIED: [&str; 6] = ["csrf", PASSWORD, KIND, CODE, ISSUE, RECOVER];

/// A change that someone wants to make.
pub(super) struct Ask<'a> {
    pub(super) admitted: &'a AdmittedVisit,
    /// The path that the form of the change is posted to.
    pub(super) action: &'static str,
    /// The title of the page that asks.
    pub(super) title: String,
    /// What else the change does, if that is not obvious.
    pub(super) consequence: Option<String>,
    /// The path of the page to which "cancel" leads.
    pub(super) back: &'static str,
    /// The fields of the form with which the person asked for the change.
    pub(super) fields: &'a Fields,
}

/// Why the checkpoint did not make a change, sorted by what the page has to do.
pub(super) enum Refused {
    /// The password, a factor of one of these kinds, or both must be proven.
    Needed {
        password: bool,
        factor: Vec<FactorKind>,
    },
    /// The proof is wrong. The text says why.
    BadProof(String),
    /// Something that no proof helps against. The text says what.
    Other(String),
    /// The session has ended after too many wrong codes.
    Ended,
    /// The checkpoint can't decide at the moment.
    Unavailable,
}

impl Refused {
    pub(super) fn change(visit: &Visit, error: ChangeError) -> Self {
        match error {
            ChangeError::ReproofNeeded { password, factor } => Self::Needed { password, factor },
            ChangeError::WrongPassword => Self::BadProof(words::change(visit, &error)),
            ChangeError::Proof(error) => Self::proof(visit, &error),
            ChangeError::Unavailable => Self::Unavailable,
            other => Self::Other(words::change(visit, &other)),
        }
    }

    pub(super) fn register(visit: &Visit, error: RegisterError) -> Self {
        match error {
            RegisterError::ReproofNeeded { password, factor } => Self::Needed { password, factor },
            RegisterError::WrongPassword => Self::BadProof(words::register(visit, &error)),
            RegisterError::Proof(error) => Self::proof(visit, &error),
            RegisterError::Unavailable => Self::Unavailable,
            other => Self::Other(words::register(visit, &other)),
        }
    }

    fn proof(visit: &Visit, error: &ProofError) -> Self {
        let words = words::proof(visit, error);
        match error {
            ProofError::PasswordAgain => Self::Ended,
            ProofError::Unavailable => Self::Unavailable,
            ProofError::TooManyLetters { .. }
            | ProofError::KindDisabled
            | ProofError::Mail(_)
            | ProofError::SourceObscured => Self::Other(words),
            _ => Self::BadProof(words),
        }
    }
}

impl Ask<'_> {
    /// The proof that the form carries; or a page, if a code is to be mailed first or the typed code can't be read.
    pub(super) async fn given(&self) -> Result<Result<Reproof, Response>, WebError> {
        if self.mails_code() {
            let problem = self.issue().await?;
            return self.again(problem.as_deref()).await.map(Err);
        }
        if self.wants_recovery() {
            return self.again(None).await.map(Err);
        }
        let proof = match self.proof() {
            Ok(proof) => proof,
            Err(words) => return self.again(Some(&words)).await.map(Err),
        };
        Ok(Ok(Reproof {
            password: self.fields.password(PASSWORD),
            proof,
            enrolment_code: Some(self.fields.text("enrolment-code").trim().to_owned())
                .filter(|code| !code.is_empty()),
        }))
    }

    /// The page that asks for what is missing, or a text for the page that the change began on.
    pub(super) async fn explain(
        &self,
        refused: Refused,
    ) -> Result<Result<Response, String>, WebError> {
        match refused {
            Refused::Needed { password, factor } => {
                self.page(password, &factor, None).await.map(Ok)
            }
            Refused::BadProof(words) => self.again(Some(&words)).await.map(Ok),
            Refused::Other(words) => Ok(Err(words)),
            Refused::Ended => Err(WebError::SeeOther(to_login::again(self.back))),
            Refused::Unavailable => Err(WebError::Unavailable),
        }
    }

    /// Whether the person pressed the button that mails a code.
    pub(super) fn mails_code(&self) -> bool {
        self.fields.has(ISSUE)
    }

    /// Whether the person pressed the button that asks for a recovery code instead.
    pub(super) fn wants_recovery(&self) -> bool {
        self.fields.has(RECOVER)
    }

    /// Mails a code; a text if that fails.
    pub(super) async fn issue(&self) -> Result<Option<String>, WebError> {
        let visit = &self.admitted.visit;
        let person = Person::from(&self.admitted.session);
        let kind = FactorKind::ExternalMail;
        match visit.context.checkpoint.challenge(person, kind).await {
            Ok(_) => Ok(None),
            Err(ProofError::Unavailable) => Err(WebError::Unavailable),
            Err(error) => Ok(Some(words::proof(visit, &error))),
        }
    }

    /// The typed code, if any; a text if it can't be read.
    pub(super) fn proof(&self) -> Result<Option<Proof>, String> {
        let typed = self.fields.text(CODE);
        if typed.is_empty() {
            return Ok(None);
        }
        let pages = kinds::of(self.chosen_kind());
        pages.read(typed, self.admitted.visit.lang).map(Some)
    }

    /// The kind of factor that the typed code belongs to, or that is to be asked for.
    pub(super) fn chosen_kind(&self) -> FactorKind {
        if self.mails_code() {
            return FactorKind::ExternalMail;
        }
        if self.wants_recovery() {
            return FactorKind::RecoveryCode;
        }
        FactorKind::parse(self.fields.text(KIND)).unwrap_or(FactorKind::OtpApp)
    }

    /// Asks the same questions again.
    async fn again(&self, problem: Option<&str>) -> Result<Response, WebError> {
        let kinds = if self.fields.has(KIND) || self.wants_recovery() {
            let checkpoint = &self.admitted.visit.context.checkpoint;
            checkpoint.offered(Person::from(&self.admitted.session))
        } else {
            Vec::new()
        };
        self.page(self.fields.has(PASSWORD), &kinds, problem).await
    }

    async fn page(
        &self,
        password: bool,
        kinds: &[FactorKind],
        problem: Option<&str>,
    ) -> Result<Response, WebError> {
        let AdmittedVisit { visit, session, .. } = self.admitted;
        let lang = visit.lang;
        let factor = factor_fields(self.admitted, kinds, self.chosen_kind()).await?;
        let carried = self
            .fields
            .iter()
            .filter(|(name, _)| !NOT_CARRIED.contains(name));
        Ok(Page::new(visit, self.title.clone())
            .of(Whose::Admitted(session.account()))
            .show(html! {
                section.card {
                    h1 { (self.title) }
                    (parts::wrong(problem))
                    @if let Some(consequence) = &self.consequence { p { (consequence) } }
                    p { (t!(lang, "reproof-why")) }
                    form method="post" action=(self.action) {
                        (parts::enter_button(&t!(lang, "ok")))
                        (csrf_field(visit))
                        @for (name, value) in carried { input type="hidden" name=(name) value=(value); }
                        (factor)
                        @if password { (password_field(visit)) }
                        div.buttons {
                            button { (t!(lang, "ok")) }
                            a.button.quiet href=(self.back) { (t!(lang, "cancel")) }
                        }
                    }
                }
            }))
    }
}

fn password_field(visit: &Visit) -> Markup {
    html! {
        div.field {
            label for="proof-password" { (t!(visit.lang, "password")) }
            input #proof-password name=(PASSWORD) type="password" required autocomplete="current-password" maxlength="1024";
        }
    }
}

/// The fields for a code of one of `kinds`; `chosen` is the one shown first. Empty if `kinds` is empty.
pub(super) async fn factor_fields(
    admitted: &AdmittedVisit,
    kinds: &[FactorKind],
    chosen: FactorKind,
) -> Result<Markup, WebError> {
    let AdmittedVisit { visit, session, .. } = admitted;
    let lang = visit.lang;
    let chosen = if kinds.contains(&chosen) {
        Some(chosen)
    } else {
        kinds.first().copied()
    };
    if chosen == Some(FactorKind::RecoveryCode) {
        return Ok(html! {
            fieldset.stack {
                legend.hint { (t!(lang, "reproof-factor")) }
                input type="hidden" name=(KIND) value=(FactorKind::RecoveryCode.as_str());
                (parts::recovery_field(visit, CODE, false))
            }
        });
    }
    let can_mail = kinds.contains(&FactorKind::ExternalMail);
    let can_recover = kinds.contains(&FactorKind::RecoveryCode);
    let everyday: Vec<FactorKind> = kinds
        .iter()
        .copied()
        .filter(|kind| kinds::of(*kind).is_everyday())
        .collect();
    let waiting = if can_mail {
        visit
            .context
            .checkpoint
            .waiting_challenge(Person::from(session), FactorKind::ExternalMail)
            .await?
    } else {
        None
    };
    let sent = match &waiting {
        Some(Challenge::Mailed(code)) => {
            parts::letter(visit, &code.to.to_string(), code.letter, Some(code)).await
        }
        None => html! {},
    };
    Ok(html! {
        @if let Some(chosen) = chosen {
            fieldset.stack {
                @if let [only] = everyday.as_slice() {
                    legend.hint { (kinds::of(*only).name(lang)) }
                    input type="hidden" name=(KIND) value=(only.as_str());
                } @else {
                    legend.hint { (t!(lang, "reproof-factor")) }
                    div.choices {
                        @for kind in &everyday {
                            label.choice {
                                input type="radio" name=(KIND) value=(kind.as_str()) checked[*kind == chosen];
                                (kinds::of(*kind).name(lang))
                            }
                        }
                    }
                }
                @if can_mail {
                    (sent)
                    div.buttons {
                        button.quiet.small name=(ISSUE) value="1" formnovalidate { (t!(lang, "issue-otp")) }
                    }
                }
                div.field {
                    label for="otp" { (t!(lang, "otp")) }
                    input.code-input #otp name=(CODE) required inputmode="numeric" autocomplete="one-time-code" maxlength="24";
                }
                @if can_recover {
                    div.buttons {
                        button.link name=(RECOVER) value="1" formnovalidate { (t!(lang, "recovery-code-instead")) }
                    }
                }
            }
        }
    })
}
