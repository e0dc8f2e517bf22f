//! The text that is stored for searches contains what the message contains.
#![no_main]

libfuzzer_sys::fuzz_target!(|message: &[u8]| sekisho_store::fuzzing::search_text(message));
