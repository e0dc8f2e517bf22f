//! A message file after a crash or on a failing disk: only real records are taken for records.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sekisho_store::fuzzing::record(bytes));
