//! Security rule 17, over real sockets: only CR LF dot CR LF ends DATA, at LMTP and at submission.

use sekisho_testkit::stage::{HANAKO, KEN, Stage};
use sekisho_testkit::wire::{Way, Wire};

/// Sequences that other implementations took for the end of a message.
const NOT_THE_END: [&str; 6] = ["\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\r.\r\n"];

async fn inbox_of(stage: &Stage, login: &str) -> anyhow::Result<String> {
    let (_, mut wire) = stage
        .mail_client(stage.campus(), Way::ImapLogin, login, stage.password(login))
        .await?;
    wire.imap("SELECT INBOX").await?;
    wire.imap("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        .await
}

async fn smuggle(wire: &mut Wire, end: &str) -> anyhow::Result<String> {
    wire.smtp("DATA").await?;
    let message = format!(
        "From: hanako@kit.example\r\nSubject: outer\r\n\r\nbody{end}MAIL FROM:<hanako@kit.example>\r\n\
         RCPT TO:<ken@kit.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"
    );
    wire.send(message).await?;
    wire.smtp("\r\n.").await
}

#[tokio::test]
async fn no_other_sequence_ends_a_message_at_either_door() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    for end in NOT_THE_END {
        let mut lmtp = Wire::greeted(&stage.demo.tour.lmtp).await?;
        for line in [
            "LHLO mx.example",
            "MAIL FROM:<a@b.example>",
            "RCPT TO:<ken@kit.example>",
        ] {
            lmtp.smtp(line).await?;
        }
        let lmtp_said = smuggle(&mut lmtp, end).await;

        let (answer, mut submission) = stage
            .mail_client(
                stage.home(),
                Way::SubmissionPlain,
                HANAKO,
                stage.password(HANAKO),
            )
            .await?;
        assert!(answer.starts_with("235"), "{answer}");
        for line in [
            "EHLO client.example",
            "MAIL FROM:<hanako@kit.example>",
            "RCPT TO:<ken@kit.example>",
        ] {
            submission.smtp(line).await?;
        }
        let submission_said = smuggle(&mut submission, end).await;
        // The server may refuse, close the connection, or accept one message; it must not accept two.
        for said in [lmtp_said, submission_said].into_iter().flatten() {
            assert!(said.starts_with(['2', '5']), "{end:?}: {said}");
        }
    }
    let inbox = inbox_of(&stage, KEN).await?;
    assert!(!inbox.contains("smuggled"), "{inbox}");
    stage.demo.stop().await;
    Ok(())
}
