//! Two nodes keep their records in one PostgreSQL: a grant that one makes counts at the other, and what ends at one
//! ends at both.

use std::sync::{Arc, LazyLock};

use anyhow::ensure;
use sekisho_checkpoint::throttle::PASSWORDS_FOR_ACCOUNT;
use sekisho_records::{PostgresRecords, PostgresSettings};
use sekisho_testkit::http::Visitor;
use sekisho_testkit::postgres::Postgres;
use sekisho_testkit::stage::{HANAKO, KEN, Stage};
use sekisho_testkit::wire::Way;

/// The server of all tests that do not stop it.
static SERVER: LazyLock<anyhow::Result<Postgres>> = LazyLock::new(Postgres::start);

async fn records(settings: &PostgresSettings) -> anyhow::Result<Arc<PostgresRecords>> {
    Ok(Arc::new(PostgresRecords::open(settings.clone()).await?))
}

async fn two_nodes(server: &Postgres) -> anyhow::Result<(Stage, Stage)> {
    let settings = server.database()?;
    let one = Stage::start_on(records(&settings).await?).await?;
    let other = one.another_node(records(&settings).await?).await?;
    Ok((one, other))
}

async fn two_nodes_of_the_shared_server() -> anyhow::Result<(Stage, Stage)> {
    match &*SERVER {
        Ok(server) => two_nodes(server).await,
        Err(error) => anyhow::bail!("{error:#}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_at_one_opens_the_other_and_an_ending_at_one_cuts_the_other() -> anyhow::Result<()>
{
    let (one, other) = two_nodes_of_the_shared_server().await?;
    let app = one.uses_mfa(HANAKO).await?;
    let password = one.password(HANAKO);
    for way in Way::ALL {
        let (answer, _) = other
            .mail_client(other.home(), way, HANAKO, password)
            .await?;
        assert!(answer.starts_with(way.refusal()), "{way:?}: {answer}");
    }

    let mut browser = one.proves(one.home(), HANAKO, &app).await?;
    let mut open = Vec::new();
    for way in Way::ALL {
        let (answer, wire) = other
            .mail_client(other.home(), way, HANAKO, password)
            .await?;
        assert!(way.lets_in(&answer), "{way:?}: {answer}");
        open.push(wire);
    }
    let (_, mut of_ken) = other
        .mail_client(other.home(), Way::ImapLogin, KEN, one.password(KEN))
        .await?;

    // The load balancer sends the browser to the other node and back.
    browser.is_sent_to(&other.home().web);
    let status = browser.open("/mfa").await?.words();
    assert!(status.contains("198.51.100.23"), "{status}");
    browser.is_sent_to(&one.home().web);
    browser.open("/mfa").await?;

    // The clocks stand still, so the nodes do not poll the records: only the database's notice can end the connections.
    browser.submit("/mfa/end-grants", &[]).await?;
    for (way, wire) in Way::ALL.into_iter().zip(&mut open) {
        wire.until_closed().await;
        let (answer, _) = other
            .mail_client(other.home(), way, HANAKO, password)
            .await?;
        assert!(answer.starts_with(way.refusal()), "{way:?}: {answer}");
    }
    assert!(of_ken.imap("NOOP").await?.contains("t OK"), "not Ken's");
    one.demo.stop().await;
    other.demo.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_count_for_both_nodes() -> anyhow::Result<()> {
    let (one, other) = two_nodes_of_the_shared_server().await?;
    // Each node gets half of the guesses; together they are as many as one account may have.
    for round in 0..PASSWORDS_FOR_ACCOUNT.count / 2 {
        for (node, name) in [(&one, "one"), (&other, "other")] {
            let mut browser = Visitor::new(&node.home().web);
            browser.open("/login").await?;
            let guess = format!("guess {round} at the {name}");
            let fields = [("user", KEN), ("password", &guess)];
            browser.submit("/login", &fields).await?;
        }
    }
    for node in [&one, &other] {
        let right = node.sign_in(node.home(), KEN).await?;
        let words = right.page.words();
        assert!(
            words.contains("too many wrong attempts"),
            "{}: {words}",
            right.path
        );
    }
    one.demo.stop().await;
    other.demo.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_restarts_everybody_hears_temporarily_and_afterwards_all_is_well()
-> anyhow::Result<()> {
    let server = Postgres::start()?;
    let (one, other) = two_nodes(&server).await?;
    let app = one.uses_mfa(HANAKO).await?;
    let mut browser = one.proves(one.home(), HANAKO, &app).await?;
    let nodes = [Arc::new(one), Arc::new(other)];

    // Clients that log in all the time while the server restarts.
    let (ending, end) = tokio::sync::watch::channel(false);
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..12 {
        let (node, end) = (Arc::clone(&nodes[number % 2]), end.clone());
        clients.spawn(async move {
            let password = node.password(HANAKO).to_owned();
            let (mut let_in, mut put_off) = (0, 0);
            while !*end.borrow() {
                let way = Way::ALL[number % Way::ALL.len()];
                let (answer, _) = node
                    .mail_client(node.home(), way, HANAKO, &password)
                    .await?;
                if way.lets_in(&answer) {
                    let_in += 1;
                } else {
                    ensure!(answer.starts_with(way.unavailable()), "{way:?}: {answer}");
                    put_off += 1;
                }
            }
            Ok((let_in, put_off))
        });
    }
    server.stop()?;
    for node in &nodes {
        for way in Way::ALL {
            for password in [node.password(HANAKO), "wrong"] {
                let (answer, _) = node.mail_client(node.home(), way, HANAKO, password).await?;
                assert!(answer.starts_with(way.unavailable()), "{way:?}: {answer}");
            }
        }
    }
    assert_eq!(browser.open("/mail").await?.status, 503);
    server.start_again()?;

    let well_again = async {
        for node in &nodes {
            for way in Way::ALL {
                let password = node.password(HANAKO);
                let (answer, _) = node.mail_client(node.home(), way, HANAKO, password).await?;
                ensure!(way.lets_in(&answer), "{way:?}: {answer}");
            }
        }
        Ok(())
    };
    well_again.await?;
    assert_eq!(browser.open("/mail").await?.status, 200);
    ending.send(true)?;
    let mut put_off_in_all = 0;
    while let Some(client) = clients.join_next().await {
        let (let_in, put_off) = client??;
        assert!(let_in > 0, "a client was never let in");
        put_off_in_all += put_off;
    }
    assert!(put_off_in_all > 0, "nobody met the restart");
    for node in nodes {
        if let Ok(node) = Arc::try_unwrap(node) {
            node.demo.stop().await;
        }
    }
    Ok(())
}
