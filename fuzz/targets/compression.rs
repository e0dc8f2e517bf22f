//! A compressed stream of IMAP: any client's bytes, in whatever pieces.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: (u8, &[u8])| {
    let (step, bytes) = data;
    sekisho_mailroom::fuzzing::compression(step.into(), bytes);
});
