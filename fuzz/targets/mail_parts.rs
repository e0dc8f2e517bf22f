//! What the webmail reads of a message: a server's description of its parts.
#![no_main]

use sekisho_mailclient::fuzzing;

libfuzzer_sys::fuzz_target!(|data: (u8, &[u8])| {
    let (_, bytes) = data;
    fuzzing::parts(bytes);
});
