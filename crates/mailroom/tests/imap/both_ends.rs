use proptest::prelude::*;
use sekisho_imap::response::{Data, Response};

use crate::client::House;

/// Lines that messages are made of, well and badly.
const LINES: [&str; 20] = [
    "Subject: hello",
    "Subject: =?UTF-8?B?5Lya6K2w?= \"{5}",
    "From: \"A \\\" B\" <a@kit.example>, c@kit.example",
    "To: friends: d@kit.example, <>;",
    "Cc: (nobody",
    "Date: soon",
    "Message-ID: <x\\y@\"z>",
    "Content-Type: multipart/mixed; boundary=b",
    "Content-Type: message/rfc822",
    "Content-Type: text/plain; charset=\"x\\\"\"; name*0*=utf-8''%E4; name*1={3}",
    "Content-Disposition: attachment; filename=\"\u{4f1a}\"",
    "Content-Transfer-Encoding: base64",
    " folded (",
    "",
    "--b",
    "--b--",
    "5Lya6K2w",
    "{10}",
    "* 1 EXPUNGE",
    "nul \0 and \u{7f}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a message is, what the server says of it is read by the webmail's parser, and its
    /// bytes come back as they were.
    #[test]
    fn a_message_of_any_make_is_understood_at_the_other_end(
        lines in prop::collection::vec(prop::sample::select(&LINES[..]), 1..16),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let house = House::build();
            let message = lines.join("\n");
            house.keep("INBOX", &message).await;
            let mut client = house.visit().await;
            client.ask("zz SELECT INBOX").await;
            let items = "UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE PREVIEW \
                BODY.PEEK[] BODY.PEEK[1] BODY.PEEK[1.MIME] BODY.PEEK[TEXT]<1.7> \
                BODY.PEEK[HEADER.FIELDS.NOT (subject)]";
            let heard = client.ask(&format!("zz UID FETCH 1:* ({items})")).await;
            let [Response::Data(Data::Fetch(fetched)), Response::Done(..)] = &heard[..] else {
                panic!("{heard:?}");
            };
            assert!(fetched.envelope.is_some() && fetched.structure.is_some());
            assert!(fetched.uid.is_some() && fetched.preview.is_some());
            assert_eq!(fetched.sections.len(), 5);
            let whole = message.replace('\n', "\r\n").into_bytes();
            assert_eq!(fetched.size, Some(whole.len() as u64));
            assert_eq!(fetched.sections[0].bytes.as_deref(), Some(&whole[..]));
        });
    }
}
