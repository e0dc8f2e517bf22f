//! A message file after a crash or a failing disk: what is taken for a record is one.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sekisho_mailroom::fuzzing::record(bytes));
