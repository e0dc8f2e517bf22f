//! Security rule 7: when the records can't be asked, everything stays closed, and nobody is told that a password is wrong.

use sekisho_checkpoint::NotAdmitted;
use sekisho_checkpoint::web::{NoSession, SignInError};
use sekisho_testkit::checkpoint::{CAMPUS, HOME, Kit, PASSWORD, from};

#[tokio::test]
async fn every_door_says_temporarily() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let app = kit.alice_uses_mfa().await?;
    let token = kit.prove(&app, from(HOME)).await?;
    kit.break_the_records()?;
    for place in [CAMPUS, HOME] {
        let answer = kit
            .mail_client("alice", PASSWORD, from(place))
            .await
            .map(drop);
        assert_eq!(answer, Err(NotAdmitted::Unavailable), "{place}");
        let answer = kit
            .mail_client("alice", "wrong", from(place))
            .await
            .map(drop);
        assert_eq!(answer, Err(NotAdmitted::Unavailable), "{place}");
    }
    let session = kit.checkpoint.resume(&token, from(HOME)).await.map(drop);
    assert_eq!(session, Err(NoSession::Unavailable));
    let password = sekisho_checkpoint::Password::new(PASSWORD.to_owned());
    let sign_in = kit
        .checkpoint
        .sign_in("alice", password, from(CAMPUS), "")
        .await
        .map(drop);
    assert_eq!(sign_in, Err(SignInError::Unavailable));
    Ok(())
}
