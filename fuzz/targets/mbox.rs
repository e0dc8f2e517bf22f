//! Mbox files: any bytes, and files that we wrote ourselves.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sekisho_store::fuzzing::mbox(bytes));
