//! A compressed IMAP stream: any bytes from a client, cut at any place.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: (u8, &[u8])| {
    let (step, bytes) = data;
    sekisho_mailroom::fuzzing::compression(step.into(), bytes);
});
