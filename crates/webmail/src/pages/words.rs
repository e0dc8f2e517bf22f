//! Texts for errors, which say what the person can do.

use sekisho_checkpoint::ports::{CourierError, SetPasswordError};
use sekisho_checkpoint::{ChangeError, ProofError, RegisterError};

use super::kinds;
use crate::lang::Lang;
use crate::time;
use crate::visit::Visit;

/// A short name of a client: browser and system, where it is a browser. All browsers call themselves Mozilla first.
pub(super) fn client(agent: &str) -> String {
    const BROWSERS: [(&str, &str); 6] = [
        ("Edg", "Edge"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let named = |names: &[(&str, &'static str)]| {
        let found = names.iter().find(|(mark, _)| agent.contains(mark));
        found.map(|(_, name)| *name)
    };
    match (
        agent.starts_with("Mozilla/"),
        named(&BROWSERS),
        named(&SYSTEMS),
    ) {
        (true, Some(browser), Some(system)) => format!("{browser} ({system})"),
        (true, Some(browser), None) => browser.to_owned(),
        _ => agent.to_owned(),
    }
}

/// Why a code was not accepted.
pub(super) fn proof(visit: &Visit, error: &ProofError) -> String {
    let lang = visit.lang;
    let zone = &visit.context.config.zone;
    match error {
        ProofError::Wrong { kind, tries_left } => {
            with_tries(lang, kinds::of(*kind).wrong(lang), *tries_left)
        }
        ProofError::Used { next_in_seconds } => t!(lang, "proof-used", seconds = *next_in_seconds),
        ProofError::ClockOff {
            minutes,
            tries_left,
        } => {
            let off = minutes.unsigned_abs();
            let words = if *minutes < 0 {
                t!(lang, "proof-clock-behind", minutes = off)
            } else {
                t!(lang, "proof-clock-ahead", minutes = off)
            };
            with_tries(lang, words, *tries_left)
        }
        ProofError::OutOfDate => t!(lang, "proof-out-of-date"),
        ProofError::PasswordAgain => t!(lang, "proof-password-again"),
        ProofError::KindDisabled => t!(lang, "proof-kind-disabled"),
        ProofError::Wait { until } => t!(lang, "proof-wait", until = time::second(zone, *until)),
        ProofError::NotOffered => t!(lang, "proof-not-offered"),
        ProofError::CodeExpired => t!(lang, "proof-code-expired"),
        ProofError::TooManyLetters { until } => {
            t!(
                lang,
                "proof-too-many-letters",
                until = time::second(zone, *until)
            )
        }
        ProofError::Mail(CourierError::NoRelay) => t!(lang, "proof-no-relay"),
        ProofError::Mail(CourierError::Temporarily(_)) => t!(lang, "proof-mail-temporarily"),
        ProofError::SourceObscured => t!(lang, "proof-source-obscured"),
        ProofError::Unavailable => t!(lang, "error-unavailable-what-to-do"),
    }
}

fn with_tries(lang: Lang, words: String, tries_left: Option<u32>) -> String {
    match tries_left {
        None => words,
        Some(tries) => format!("{words}{}", t!(lang, "proof-tries-left", tries = tries)),
    }
}

/// Why a registration does not continue.
pub(super) fn register(visit: &Visit, error: &RegisterError) -> String {
    let lang = visit.lang;
    match error {
        RegisterError::Proof(error) => proof(visit, error),
        RegisterError::ReproofNeeded { .. } => t!(lang, "reproof-why"),
        RegisterError::WrongPassword => t!(lang, "wrong-password"),
        RegisterError::Forbidden => t!(lang, "register-forbidden"),
        RegisterError::EnrolmentCodeNeeded => t!(lang, "enrolment-code-needed"),
        RegisterError::EnrolmentCodeWrong => t!(lang, "enrolment-code-wrong"),
        RegisterError::EnrolmentCodeExpired => t!(lang, "enrolment-code-expired"),
        RegisterError::OwnDomain => t!(lang, "address-own-domain"),
        RegisterError::SameCode => t!(lang, "code-same"),
        RegisterError::NothingWaits => t!(lang, "register-nothing-waits"),
        RegisterError::TurnedOff => t!(lang, "register-mail-off"),
        RegisterError::TooMany(most) => t!(lang, "register-too-many", most = *most),
        RegisterError::Unavailable => t!(lang, "error-unavailable-what-to-do"),
    }
}

/// Why a change was not made.
pub(super) fn change(visit: &Visit, error: &ChangeError) -> String {
    let lang = visit.lang;
    match error {
        ChangeError::ReproofNeeded { .. } => t!(lang, "reproof-why"),
        ChangeError::WrongPassword => t!(lang, "wrong-password"),
        ChangeError::Proof(error) => proof(visit, error),
        ChangeError::Required => t!(lang, "mfa-required"),
        ChangeError::NoFactor => t!(lang, "mfa-no-factor"),
        ChangeError::NotTrusted => t!(lang, "enable-not-trusted"),
        ChangeError::NoSuchFactor => t!(lang, "remove-no-such-factor"),
        ChangeError::ChangedHere => t!(lang, "error-bad-request"),
        ChangeError::Password(error) => password(lang, error),
        ChangeError::Unavailable => t!(lang, "error-unavailable-what-to-do"),
    }
}

fn password(lang: Lang, error: &SetPasswordError) -> String {
    match error {
        SetPasswordError::TooShort(least) => t!(lang, "password-too-short", least = *least),
        SetPasswordError::TooLong(_) => t!(lang, "password-too-long"),
        SetPasswordError::TooCommon => t!(lang, "password-too-common"),
        SetPasswordError::Elsewhere => t!(lang, "password-elsewhere"),
        SetPasswordError::Directory(_) => t!(lang, "error-unavailable-what-to-do"),
    }
}

#[cfg(test)]
mod tests {
    use super::client;

    #[test]
    fn browsers_are_called_by_their_names() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1 Safari/537.36 Edg/1";
        assert_eq!(client(firefox), "Firefox (Linux)");
        assert_eq!(client(edge), "Edge (Windows)");
        assert_eq!(client("Thunderbird"), "Thunderbird");
        assert_eq!(client("Mozilla/5.0"), "Mozilla/5.0");
    }
}
