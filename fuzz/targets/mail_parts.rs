//! What the webmail reads: a server's description of a message's parts, transfer encodings, and the replies of a
//! submission server.
#![no_main]

use sekisho_mailclient::fuzzing;

libfuzzer_sys::fuzz_target!(|data: (u8, &[u8])| {
    let (step, bytes) = data;
    fuzzing::parts(bytes);
    fuzzing::transfer_encodings(step.into(), bytes);
});
