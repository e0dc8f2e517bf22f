//! Security rule 16, at the demo's real ports: what follows STARTTLS in the same packet is never obeyed.

use sekisho_testkit::stage::{HANAKO, Stage};
use sekisho_testkit::wire::Wire;

#[tokio::test]
async fn a_command_injected_behind_starttls_is_never_answered() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    let password = stage.password(HANAKO);
    let mut imap = Wire::greeted(&stage.home().imap).await?;
    imap.send(format!("s STARTTLS\r\nt LOGIN {HANAKO} {password}\r\n"))
        .await?;
    let said = imap.until_closed().await;
    assert!(!said.contains("t OK") && !said.contains("t NO"), "{said}");

    let mut submission = Wire::greeted(&stage.home().submission).await?;
    submission.smtp("EHLO client.example").await?;
    submission
        .send("STARTTLS\r\nEHLO thief.example\r\nAUTH PLAIN AGhhbmFrbwB4\r\n")
        .await?;
    let said = submission.until_closed().await;
    assert!(
        !said.contains("250") && !said.contains("535") && !said.contains("235"),
        "{said}"
    );

    let mut pop3 = Wire::greeted(&stage.home().pop3).await?;
    pop3.send(format!("STLS\r\nUSER {HANAKO}\r\nPASS {password}\r\n"))
        .await?;
    let said = pop3.until_closed().await;
    assert!(!said.contains("+OK"), "{said}");
    stage.demo.stop().await;
    Ok(())
}
