//! Tests the submission client against servers that follow a script.

mod script;

use script::{follow, lines};
use sekisho_mailclient::{Path, Submission, SubmitError};
use tokio::task::JoinHandle;

async fn client(extensions: &[&str], script: &str) -> (Submission, JoinHandle<()>) {
    let mut whole = "C: EHLO [127.0.0.1]\nS: 250-kit.example greets you\n".to_owned();
    for word in extensions {
        whole.push_str(&format!("S: 250-{word}\n"));
    }
    whole.push_str("S: 250 ENHANCEDSTATUSCODES\n");
    whole.push_str(script);
    let (stream, server) = follow(256, lines(&whole));
    (Submission::authenticated(stream).await.unwrap(), server)
}

fn address(text: &str) -> Path {
    Path::parse(text).unwrap()
}

#[tokio::test]
async fn a_message_goes_out_with_its_dots_and_clean_line_ends() {
    let (mut submission, server) = client(
        &["PIPELINING", "SIZE 1000", "8BITMIME"],
        "C: MAIL FROM:<hanako@kit.example> SIZE=23 BODY=8BITMIME
        C: RCPT TO:<taro@kit.example>
        C: RCPT TO:<x@else.example>
        S: 250 2.1.0 OK
        S: 250 2.1.5 OK
        S: 251 2.1.5 forwarded
        C: DATA
        S: 354 go on
        C: Subject: é\\n\\n..\\n..a\\nb\\n.
        S: 250-2.0.0 taken
        S: 250 2.0.0 as q17
        C: QUIT
        S: 221 2.0.0 bye",
    )
    .await;
    let to = [address("taro@kit.example"), address("x@else.example")];
    let message = "Subject: é\n\n.\n.a\rb".as_bytes();
    let receipt = submission
        .send(&address("hanako@kit.example"), &to, message)
        .await
        .unwrap();
    assert_eq!(receipt.text, "taken\nas q17");
    submission.quit().await.unwrap();
    server.await.unwrap();
}

#[tokio::test]
async fn one_refused_recipient_keeps_the_message_from_all_and_the_next_one_goes() {
    let (mut submission, server) = client(
        &["PIPELINING"],
        "C: MAIL FROM:<a@kit.example>
        C: RCPT TO:<b@kit.example>
        C: RCPT TO:<nobody@kit.example>
        S: 250 ok
        S: 250 ok
        S: 550 5.1.1 No such user
        C: RSET
        S: 250 ok
        C: MAIL FROM:<a@kit.example>
        C: RCPT TO:<b@kit.example>
        S: 250 ok
        S: 250 ok
        C: DATA
        S: 354 go on
        C: x
        C: .
        S: 452 4.3.1 disk full",
    )
    .await;
    let from = address("a@kit.example");
    let to = [address("b@kit.example"), address("nobody@kit.example")];
    let Err(SubmitError::Recipients(refused)) = submission.send(&from, &to, b"x").await else {
        panic!("nobody was refused")
    };
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].0, to[1]);
    assert_eq!(refused[0].1.status(), Some("5.1.1"));
    assert_eq!(refused[0].1.words(), "No such user");
    let Err(SubmitError::Refused(reply)) = submission.send(&from, &to[..1], b"x").await else {
        panic!("it was not refused")
    };
    assert!(reply.is_temporary());
    server.await.unwrap();
}

#[tokio::test]
async fn a_plain_server_gets_one_command_at_a_time_and_nothing_it_does_not_know() {
    let (mut submission, server) = client(
        &[],
        "C: MAIL FROM:<a@kit.example>
        S: 250 ok
        C: RCPT TO:<b@kit.example>
        S: 250 ok
        C: DATA
        S: 354 go on
        C: x
        C: .
        S: 250 ok",
    )
    .await;
    let (from, to) = (address("a@kit.example"), [address("b@kit.example")]);
    for (to, message) in [
        (&to[..], "é".as_bytes()),
        (&to[..], b"\0"),
        (&[], b"x"),
        (&[address("山田@kit.example")], b"x"),
    ] {
        let result = submission.send(&from, to, message).await;
        assert!(
            matches!(result, Err(SubmitError::Unsendable(_))),
            "{result:?}"
        );
    }
    submission.send(&from, &to, b"x").await.unwrap();
    server.await.unwrap();
}

#[tokio::test]
async fn what_is_too_large_or_answered_by_silence_is_said_so() {
    let (mut submission, server) = client(
        &["SIZE 3"],
        "C: MAIL FROM:<a@kit.example> SIZE=1
        S: 250 ok
        C: RCPT TO:<b@kit.example>
        S: 250 ok
        C: DATA
        S: 354 go on
        C: x
        C: .",
    )
    .await;
    let (from, to) = (address("a@kit.example"), [address("b@kit.example")]);
    let large = submission.send(&from, &to, b"abcd").await;
    assert_eq!(large, Err(SubmitError::TooLarge { most: 3 }));
    assert_eq!(
        submission.send(&from, &to, b"x").await,
        Err(SubmitError::Gone)
    );
    assert_eq!(
        submission.send(&from, &to, b"x").await,
        Err(SubmitError::Gone)
    );
    server.await.unwrap();
}
