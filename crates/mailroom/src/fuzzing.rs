//! Ways for `fuzz/` to what is nobody else's. Each panics where something is not as it has to be.

pub use crate::imap::fuzz_compression as compression;
pub use crate::mbox::fuzz as mbox;
pub use crate::pop3::fuzz as pop3_command;
pub use crate::smtp::fuzz_session as smtp_session;
pub use crate::store::fuzzing::{record, recovery, search_text};

/// Takes a header apart, reads its senders, and signs the message.
pub fn header(message: &[u8]) {
    crate::dkim::fuzz(message);
    let Ok(header) = sekisho_message::strict::StrictHeader::parse(message) else {
        return;
    };
    let fields: usize = header.fields.iter().map(|field| field.raw.len()).sum();
    assert_eq!(fields + header.rest.len(), message.len());
    for field in &header.fields {
        let value = field.value();
        assert!(!value.contains(&b'\n'));
        for address in sekisho_message::strict::senders(*field).unwrap_or_default() {
            assert_eq!(address.matches('@').count(), 1);
        }
    }
}
