//! One-time passwords, and how a phone and the webmail come to share the key for them.
//!
//! No network joins the two: each side makes a code, a person reads it off one screen and types it into the other, and
//! both derive the same key from the pair. Everything here is a function of its arguments (except for the operating
//! system's random numbers), so that the server, its tests and the OTP app in `apps/otp` can be tested against one file
//! of vectors, `apps/otp/code-agreement.json`.
//!
//! The crate keeps no state. It says which [`Step`] a code belongs to; the caller, which keeps records, accepts each
//! step only once, counts tries, and ends a user code that has waited too long. The crate reads no clock either: times
//! come in as Unix seconds. Its secrets don't print: they are wiped when dropped, compared in constant time, and
//! exposed only by methods whose documentation says so.
//!
//! In reading order:
//!
//! - `code`: [`AppCode`] and [`UserCode`], what people read and type.
//! - `symbols`: the 32 characters and the check character under both.
//! - `key`: [`OtpKey`], agreed from the two codes, and the search for the step a code belongs to.
//! - `totp`: [`Step`] and [`OtpCode`], six digits and when they are valid.
//! - `typed`: which differences are ignored in text that a person types.
//! - `random`: the operating system's random numbers.

mod code;
mod key;
mod random;
mod symbols;
mod totp;
mod typed;

pub use code::{AppCode, UserCode};
pub use key::{KeyLengthError, OtpKey};
pub use symbols::CodeError;
pub use totp::{OtpCode, OtpCodeError, STEP_SECONDS, Step};
