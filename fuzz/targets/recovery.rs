//! A message file of several requests that breaks off or is damaged somewhere.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sekisho_mailroom::fuzzing::recovery(bytes));
