//! Lines of POP3 after the login.
#![no_main]

libfuzzer_sys::fuzz_target!(|line: &[u8]| sekisho_mailroom::fuzzing::pop3_command(line));
