//! The words by which both databases keep what has no word of its own in the checkpoint.

use sekisho_checkpoint::ports::{CodePurpose, Cut};

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
