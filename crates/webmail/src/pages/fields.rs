//! Form fields for what people type from another screen or from paper.

use maud::{Markup, html};
use sekisho_checkpoint::policy::FirstRegistration;
use sekisho_otp::UserCode;

use super::parts;
use crate::visit::Visit;

/// The field for the code that the app shows. A wrong code is shown again in large groups, to be compared with the
/// app's. A script checks the code as soon as its last character is typed, and notices if it is the user code.
pub(super) fn app_code(
    visit: &Visit,
    typed: &str,
    is_wrong: bool,
    user: Option<&UserCode>,
) -> Markup {
    let lang = visit.lang;
    let symbols: Vec<char> = typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .take(20)
        .collect();
    let groups: Vec<String> = symbols.chunks(5).map(|g| g.iter().collect()).collect();
    html! {
        div.field {
            label for="app-code" { (t!(lang, "app-code")) }
            input.code-input.long #app-code name="app-code" value=(typed) required autofocus autocomplete="off"
                autocapitalize="characters" autocorrect="off" spellcheck="false" maxlength="64" placeholder="XXXXX-XXXXX-XXXXX"
                aria-invalid=[is_wrong.then_some("true")] aria-describedby="app-code-verdict app-code-hint"
                data-code data-other=[user.map(UserCode::grouped)]
                data-right=(t!(lang, "code-right")) data-left=(t!(lang, "code-left", left = "%n"))
                data-long=(t!(lang, "code-length", found = "%n")) data-character=(t!(lang, "code-character", at = "%n", found = "%c"))
                data-check=(t!(lang, "code-check")) data-same=(t!(lang, "code-same"));
            div.code-line.read-back hidden[!is_wrong || groups.is_empty()] {
                p.hint { (t!(lang, "code-as-typed")) }
                p.code translate="no" { (parts::grouped(&groups.join("-"))) }
            }
            p.verdict #app-code-verdict role="status" {}
            p.hint #app-code-hint { (t!(lang, "app-code-hint")) }
        }
    }
}

/// The field for a private address.
pub(super) fn address(visit: &Visit, typed: &str, is_wrong: bool) -> Markup {
    html! {
        div.field {
            label for="address" { (t!(visit.lang, "address")) }
            input #address name="address" type="email" value=(typed) required autofocus autocomplete="email" maxlength="254"
                aria-invalid=[is_wrong.then_some("true")];
            p.hint { (t!(visit.lang, "address-hint")) }
        }
    }
}

/// The field for the help desk's enrolment code, where one is demanded.
pub(super) fn enrolment(visit: &Visit, demand: FirstRegistration, typed: &str) -> Markup {
    html! {
        @if demand == FirstRegistration::EnrolmentCode {
            div.field {
                label for="enrolment-code" { (t!(visit.lang, "enrolment-code")) }
                input.code-input.long #enrolment-code name="enrolment-code" value=(typed) required autocomplete="off"
                    autocapitalize="characters" autocorrect="off" spellcheck="false" maxlength="64";
                p.hint { (t!(visit.lang, "enrolment-code-hint")) }
            }
        }
    }
}
