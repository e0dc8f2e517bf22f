//! A whole SMTP session after the greeting, with DATA and BDAT: the same however it is cut.
#![no_main]

use sekisho_fakes::HandClock;
use sekisho_mailroom::fuzzing::smtp_session;

libfuzzer_sys::fuzz_target!(|data: (u8, &[u8])| {
    let (step, bytes) = data;
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    let clock = HandClock::new();
    runtime.block_on(smtp_session(step.into(), bytes, clock));
});
