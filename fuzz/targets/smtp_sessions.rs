//! A whole SMTP session after the greeting, with DATA and BDAT: the same however it is cut.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: (u8, &[u8])| {
    let (step, bytes) = data;
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(sekisho_mailroom::fuzzing::smtp_session(step.into(), bytes));
});
