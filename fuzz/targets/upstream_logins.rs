//! Names and passwords in an upstream's LOGIN: they arrive unchanged, and nothing else does.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: (&str, &str)| {
    let (name, password) = data;
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(sekisho_upstream::fuzzing::imap_login(name, password));
});
