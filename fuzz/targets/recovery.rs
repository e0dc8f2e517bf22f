//! A message file of several transactions that is cut off or damaged somewhere.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sekisho_store::fuzzing::recovery(bytes));
