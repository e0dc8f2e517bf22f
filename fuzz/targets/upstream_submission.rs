//! What a client sends behind its login by submission, in whatever pieces: nothing but mail transactions come to the upstream.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: (u8, &[u8])| {
    let (step, bytes) = data;
    sekisho_upstream::fuzzing::submission(step, bytes);
});
