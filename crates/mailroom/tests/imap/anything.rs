use proptest::prelude::*;

use crate::client::House;

/// Words that commands are made of, in and out of place.
const WORDS: [&str; 44] = [
    "SELECT",
    "EXAMINE",
    "INBOX",
    "Archive",
    "CLOSE",
    "FETCH",
    "UID",
    "STORE",
    "+FLAGS",
    "-FLAGS.SILENT",
    "(\\Deleted)",
    "(\\Seen x)",
    "1:*",
    "1",
    "2:9",
    "*",
    "EXPUNGE",
    "SEARCH",
    "ALL",
    "NOT",
    "OR",
    "BODY",
    "TEXT",
    "FROM",
    "SORT",
    "(REVERSE DATE)",
    "UTF-8",
    "LIST",
    "\"\"",
    "%",
    "COPY",
    "MOVE",
    "CREATE",
    "DELETE",
    "RENAME",
    "STATUS",
    "(MESSAGES)",
    "BODY[1.2.MIME]<1.2>",
    "BODY[]",
    "(ENVELOPE BODYSTRUCTURE)",
    "APPEND",
    "{4+}\r\na\r\nb",
    "RETURN (COUNT)",
    "{9999999}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is said, each line is answered, and the session is there afterwards.
    #[test]
    fn a_session_outlives_all_that_is_said_to_it(
        lines in prop::collection::vec(prop::collection::vec(prop::sample::select(&WORDS[..]), 1..6), 1..25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let house = House::build();
            house.keep("INBOX", "Subject: x\n\ntext\n").await;
            house.keep("INBOX", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n").await;
            let mut client = house.visit().await;
            client.say("C: zz SELECT INBOX").await;
            while !client.hear().await.starts_with("zz ") {}
            for words in lines {
                client.say(&format!("C: zz {}", words.join(" ").replace("\r\n", "\nC: "))).await;
                while !client.hear().await.starts_with("zz ") {}
            }
            client.say("C: end LOGOUT\nS: * BYE good-bye\nS: end OK logged out").await;
        });
    }
}
