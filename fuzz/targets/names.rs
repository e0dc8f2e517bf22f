//! Names and addresses as people and other servers write them: one that is accepted reads the same when it is written
//! and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_checkpoint::LoginName;
use sekisho_checkpoint::address::MailAddress;
use sekisho_imap::MailboxName;
use sekisho_imap::mailbox::{decode_utf7, encode_utf7};
use sekisho_message::encoded_word;
use sekisho_store::FolderName;

fuzz_target!(|bytes: &[u8]| {
    assert!(!encoded_word::decode(bytes).contains(['\r', '\n']));
    if let Ok(name) = MailboxName::from_wire(bytes) {
        let wire = name.to_wire();
        assert!(wire.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        assert_eq!(MailboxName::from_wire(wire.as_bytes()), Ok(name));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    assert_eq!(
        decode_utf7(encode_utf7(text).as_bytes()).as_deref(),
        Ok(text)
    );
    if let Ok(address) = MailAddress::parse(text) {
        let again = MailAddress::parse(&address.to_string()).expect("an address");
        assert_eq!(again.folded(), address.folded());
        assert!(!address.to_string().contains(char::is_control));
    }
    if let Ok(name) = FolderName::parse(text) {
        assert_eq!(FolderName::parse(name.as_str()), Ok(name));
    }
    let _ = LoginName::parse(text);
});
