//! Codes as people type them: a code that is accepted reads the same when it is shown and typed again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_otp::{AppCode, OtpCode, UserCode};

fuzz_target!(|typed: &str| {
    if let Ok(code) = AppCode::parse(typed) {
        let shown = code.grouped();
        let again = AppCode::parse(&shown).expect("a code as it is shown");
        assert_eq!(again.grouped(), shown);
    }
    if let Ok(code) = UserCode::parse(typed) {
        assert!(UserCode::parse(&code.grouped()).is_ok());
    }
    if let Ok(code) = OtpCode::parse(typed) {
        assert_eq!(code.expose().len(), 6);
    }
});
