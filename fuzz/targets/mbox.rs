//! An mbox file from anywhere, and one that was written here.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sekisho_mailroom::fuzzing::mbox(bytes));
