//! Security rule 7: while the records can't be reached, everything stays closed, and no password is called wrong.

use sekisho_checkpoint::NotAdmitted;
use sekisho_checkpoint::web::{NoSession, SignInError};
use sekisho_testkit::checkpoint::{CAMPUS, HOME, Kit, PASSWORD, from};
use sekisho_testkit::records;
use sekisho_testkit::stage::{HANAKO, Stage};
use sekisho_testkit::wire::Way;

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

#[tokio::test]
async fn every_door_says_so_over_its_socket() -> anyhow::Result<()> {
    let stage = Stage::start().await?;
    let app = stage.uses_mfa(HANAKO).await?;
    let mut browser = stage.proves(stage.home(), HANAKO, &app).await?;
    records::break_in(stage.demo.folder())?;
    for place in [stage.campus(), stage.home()] {
        for way in Way::ALL {
            for password in [stage.password(HANAKO), "wrong"] {
                let (answer, _) = stage.mail_client(place, way, HANAKO, password).await?;
                assert!(
                    answer.starts_with(way.unavailable()),
                    "{way:?} with {password:?}: {answer}"
                );
            }
        }
        let sign_in = stage.sign_in(place, HANAKO).await?;
        assert_eq!(sign_in.page.status, 503, "{}", sign_in.page.words());
    }
    let page = browser.open("/mail").await?;
    assert_eq!(page.status, 503, "who was in stays out: {}", page.words());
    stage.demo.stop().await;
    Ok(())
}
