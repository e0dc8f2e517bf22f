//! The bytes that a client sends after its login, cut at any place: a line with UNAUTHENTICATE is never passed on,
//! whichever bytes the server takes for line ends and spaces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_upstream::Relogin;

fuzz_target!(|data: (u8, &[u8])| {
    let (step, bytes) = data;
    let passes = |step: usize| {
        let mut watch = Relogin::default();
        bytes.chunks(step.max(1)).all(|piece| watch.passes(piece))
    };
    let whole = passes(bytes.len());
    assert_eq!(whole, passes(step.into()));
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | 0);
    let mut lines: Vec<_> = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).collect();
    // The last line has not ended yet.
    lines.pop();
    let logs_in_anew = lines.iter().any(|line| {
        let mut words = line.split(is_space).filter(|word| !word.is_empty());
        words
            .by_ref()
            .take(2)
            .any(|word| word.eq_ignore_ascii_case(b"UNAUTHENTICATE"))
    });
    assert!(!(whole && logs_in_anew));
});
