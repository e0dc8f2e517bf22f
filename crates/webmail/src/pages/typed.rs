//! Texts for what was typed and is not what it should be.

use sekisho_checkpoint::address::MailAddressError;
use sekisho_otp::{CodeError, OtpCodeError};

use crate::lang::Lang;

/// Why what was typed is no OTP.
pub(super) fn otp(lang: Lang, error: OtpCodeError) -> String {
    match error {
        OtpCodeError::Length { found: 15 } => t!(lang, "otp-is-a-code"),
        OtpCodeError::Length { found } => t!(lang, "otp-length", found = found),
        OtpCodeError::Character { found, .. } => {
            t!(lang, "otp-character", found = found.to_string())
        }
    }
}

/// Why what was typed is no recovery code. `found` is the number of characters.
pub(super) fn recovery_code(lang: Lang, found: usize) -> String {
    t!(lang, "recovery-code-length", found = found)
}

/// Why what was typed is no app code.
pub(super) fn code(lang: Lang, error: CodeError) -> String {
    match error {
        CodeError::Length { found } => t!(lang, "code-length", found = found),
        CodeError::Character { at, found } => {
            t!(lang, "code-character", at = at, found = found.to_string())
        }
        CodeError::Check => t!(lang, "code-check"),
    }
}

/// Why what was typed is no mail address.
pub(super) fn address(lang: Lang, error: MailAddressError) -> String {
    match error {
        MailAddressError::NoAt => t!(lang, "address-no-at"),
        MailAddressError::Local => t!(lang, "address-local"),
        MailAddressError::Domain => t!(lang, "address-domain"),
    }
}
