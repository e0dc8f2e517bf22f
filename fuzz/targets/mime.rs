//! Any message: parsed within limits, and described so that our own IMAP client understands the description.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_imap::framing::Frame;
use sekisho_imap::response::{self, Data, Response};
use sekisho_store::describe;
use sekisho_message::{Parsed, strict};

fuzz_target!(|message: &[u8]| {
    let parsed = Parsed::new(message);
    let told = [
        b"* 1 FETCH (ENVELOPE ".as_slice(),
        &describe::envelope(&parsed),
        b" BODY ",
        &describe::body(&parsed),
        b" BODYSTRUCTURE ",
        &describe::structure(&parsed),
        b")",
    ];
    let heard = response::parse(&Frame::new(told.concat()));
    let Ok(Response::Data(Data::Fetch(fetched))) = heard else {
        panic!("our own words can't be read: {heard:?}");
    };
    assert!(fetched.envelope.is_some() && fetched.structure.is_some());
    assert!(parsed.searchable_text(10_000).len() <= 200_000);
    for part in [&[][..], &[1], &[1, 1], &[2]] {
        if let Some(range) = parsed.part_range(part) {
            assert!(range.end <= message.len());
        }
        let _ = parsed.decoded(part);
    }
    header(message);
    sekisho_queue::fuzzing::signature(message);
});

/// Takes a header apart strictly, and reads its senders.
fn header(message: &[u8]) {
    let Ok(header) = strict::StrictHeader::parse(message) else {
        return;
    };
    let fields: usize = header.fields.iter().map(|field| field.raw.len()).sum();
    assert_eq!(fields + header.rest.len(), message.len());
    for field in &header.fields {
        let value = field.value();
        assert!(!value.contains(&b'\n'));
        for address in strict::senders(*field).unwrap_or_default() {
            assert_eq!(address.matches('@').count(), 1);
        }
    }
}
