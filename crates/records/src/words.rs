//! How both databases write down and read what has no word of its own in the checkpoint.

use std::net::IpAddr;

use jiff::Timestamp;
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::ports::{CodePurpose, Cut};
use sekisho_checkpoint::throttle::Throttle;
use sekisho_source::SourceKey;

/// By how much the numbers of revocations go on when an old copy was restored: more than can have been given since it
/// was made, so that none is given twice.
pub(crate) const NUMBERS_LOST: i64 = 1_000_000_000;

pub(crate) fn of_purpose(purpose: &CodePurpose) -> &'static str {
    match purpose {
        CodePurpose::Prove => "prove",
        CodePurpose::Register => "register",
    }
}

pub(crate) fn purpose(word: &str) -> Option<CodePurpose> {
    match word {
        "prove" => Some(CodePurpose::Prove),
        "register" => Some(CodePurpose::Register),
        _ => None,
    }
}

pub(crate) fn of_cut(cut: Cut) -> &'static str {
    match cut {
        Cut::None => "none",
        Cut::Judged => "judged",
        Cut::All => "all",
    }
}

pub(crate) fn cut(word: &str) -> Option<Cut> {
    match word {
        "none" => Some(Cut::None),
        "judged" => Some(Cut::Judged),
        "all" => Some(Cut::All),
        _ => None,
    }
}

/// A time as a column: milliseconds since 1970, rounded down.
pub(crate) fn millis(time: Timestamp) -> i64 {
    time.as_millisecond()
}

pub(crate) fn source(text: &str) -> Option<SourceKey> {
    SourceKey::parse(text).ok()
}

pub(crate) fn ip(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

pub(crate) fn address(text: &str) -> Option<MailAddress> {
    MailAddress::parse(text).ok()
}

/// Windows by the keys under which counts are kept.
pub(crate) fn keyed(windows: &[(Throttle, Timestamp)]) -> Vec<(String, Timestamp)> {
    windows
        .iter()
        .map(|(throttle, since)| (throttle.key(), *since))
        .collect()
}
