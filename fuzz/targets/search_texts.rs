//! What is kept of a message for searches holds what the message holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|message: &[u8]| sekisho_mailroom::fuzzing::search_text(message));
