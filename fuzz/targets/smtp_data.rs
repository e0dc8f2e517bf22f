//! The data of an SMTP message: decoded the same however it is cut, ended only by CR LF dot CR LF, and unchanged by
//! encoding and decoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_smtp::data::whole_lines;
use sekisho_smtp::{DataDecoder, DataEncoder, DataFault};

fuzz_target!(|data: (u8, &[u8])| {
    let (step, bytes) = data;
    let whole = decode(bytes, bytes.len().max(1));
    assert_eq!(whole, decode(bytes, usize::from(step).max(1)));
    if let (used, Ok(_), message) = &whole {
        assert!(bytes[..*used].ends_with(b".\r\n"));
        assert_eq!(whole_lines(message.clone()).as_ref(), Ok(message));
        let mut encoded = Vec::new();
        let mut encoder = DataEncoder::default();
        encoder.encode(message, &mut encoded);
        encoder.finish(&mut encoded);
        let (used, fault, again) = decode(&encoded, encoded.len());
        assert_eq!(
            (used, fault.is_ok(), &again),
            (encoded.len(), true, message)
        );
    }
});

fn decode(bytes: &[u8], step: usize) -> (usize, Result<u64, DataFault>, Vec<u8>) {
    let mut decoder = DataDecoder::new(100_000);
    let (mut used, mut message) = (0, Vec::new());
    for piece in bytes.chunks(step) {
        used += decoder.decode(piece, &mut message);
        if decoder.is_over() {
            break;
        }
    }
    (used, decoder.finish(), message)
}
