//! What the webmail reads of a message: its parts as a server describes them, and their encodings.
#![no_main]

use sekisho_mailclient::fuzzing;

libfuzzer_sys::fuzz_target!(|data: (u8, &[u8])| {
    let (step, bytes) = data;
    fuzzing::parts(bytes);
    fuzzing::transfer_encodings(step.into(), bytes);
});
