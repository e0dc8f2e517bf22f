//! What the pages show of each kind of factor: one file a kind.
//!
//! A new kind is a file here that gives all that [`KindPages`] asks for, and one line in [`of`], which does not compile
//! without it. How a factor of a kind is registered is in `register` and `wizard`.

mod external_mail;
mod otp_app;
mod recovery_code;

use async_trait::async_trait;
use maud::Markup;
use sekisho_checkpoint::factor::{Factor, FactorKind};
use sekisho_checkpoint::web::FactorOwed;
use sekisho_checkpoint::{Challenge, Proof};

use crate::lang::Lang;
use crate::visit::Visit;

/// What the pages have to know of a kind.
#[async_trait]
pub(super) trait KindPages: Sync {
    /// The page at which a sign-in asks for it, which takes its form too.
    fn step(&self) -> &'static str;

    /// Where the form goes that asks for a challenge, for a kind that is proven by one.
    fn challenge(&self) -> Option<&'static str> {
        None
    }

    /// The section of the guide about it.
    fn help(&self) -> &'static str;

    /// Its name.
    fn name(&self, lang: Lang) -> String;

    /// What helps to choose it at a sign-in.
    fn hint(&self, lang: Lang) -> String;

    /// Whether it is for every day. The others are for the day on which those are out of reach, so they do not make a
    /// sign-in ask which it is to be.
    fn is_everyday(&self) -> bool {
        true
    }

    /// Whether a sign-in recommends it.
    fn is_recommended(&self) -> bool {
        false
    }

    /// Whether its owner can rename a factor of the kind.
    fn has_names(&self) -> bool {
        false
    }

    /// What is said of a wrong code.
    fn wrong(&self, lang: Lang) -> String;

    /// Reads a code of the kind as it was typed; else words that say what is wrong with it.
    fn read(&self, typed: &str, lang: Lang) -> Result<Proof, String>;

    /// The field of a form in which its code is typed.
    fn field(&self) -> &'static str;

    /// What stands on the page at which a sign-in asks for it.
    async fn question(&self, question: Question<'_>) -> Markup;

    /// The name under which its owner knows a factor of the kind.
    fn label(&self, factor: &Factor, lang: Lang) -> String;

    /// What to register beside an only factor of this kind: the page, and words for the link to it. `mail` says whether
    /// the site uses mailed codes.
    fn beside(&self, mail: bool, lang: Lang) -> (&'static str, String);
}

/// A sign-in asks for a factor.
pub(super) struct Question<'a> {
    /// The request.
    pub(super) visit: &'a Visit,
    /// Who is asked.
    pub(super) owed: &'a FactorOwed,
    /// Why it is asked.
    pub(super) why: Markup,
    /// Where the person was going.
    pub(super) to: &'a str,
    /// The challenge that waits for its answer, for a kind that is proven by one.
    pub(super) challenge: Option<&'a Challenge>,
    /// What was wrong with the last answer.
    pub(super) problem: Option<&'a str>,
}

/// The pages of a kind.
pub(super) fn of(kind: FactorKind) -> &'static dyn KindPages {
    match kind {
        FactorKind::OtpApp => &otp_app::Pages,
        FactorKind::ExternalMail => &external_mail::Pages,
        FactorKind::RecoveryCode => &recovery_code::Pages,
    }
}
