//! The bytes that a client sends after a submission login, cut at any place: only mail transactions reach the upstream.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: (u8, &[u8])| {
    let (step, bytes) = data;
    sekisho_upstream::fuzzing::submission(step, bytes);
});
