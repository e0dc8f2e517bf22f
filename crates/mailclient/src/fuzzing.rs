//! Entry points for `fuzz/` to private code. Each panics if a property does not hold.

use sekisho_imap::framing::{Limits, ResponseReader};
use sekisho_imap::response::{self, Data, Response};

use crate::part::{BodyPart, PartNumber};

/// Reads a BODYSTRUCTURE that a server sends.
pub fn parts(bytes: &[u8]) {
    let mut reader = ResponseReader::new(Limits::after_login(10_000));
    reader.push(b"* 1 FETCH (BODYSTRUCTURE ");
    reader.push(bytes);
    reader.push(b")\r\n");
    let Ok(Some(frame)) = reader.next_response() else {
        return;
    };
    let Ok(Response::Data(Data::Fetch(fetched))) = response::parse(&frame) else {
        return;
    };
    let Some(structure) = fetched.structure else {
        return;
    };
    let whole = BodyPart::new(structure);
    for part in whole.leaves() {
        if part.number != PartNumber::default() {
            let number = part.number.to_string().parse::<PartNumber>();
            assert_eq!(number.as_ref(), Ok(&part.number));
        }
        let texts = [&part.file_name, &part.content_id, &part.charset];
        for text in texts.into_iter().flatten().chain([&part.kind]) {
            assert!(!text.contains(['\r', '\n', '\0']), "{text:?}");
        }
        let is_plain = |name: &String| !name.is_empty() && !name.contains(['/', '\\']);
        assert!(part.file_name.as_ref().is_none_or(is_plain));
    }
}
