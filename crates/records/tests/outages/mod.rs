//! PostgreSQL goes away, comes back, hangs and turns read-only: each piece of work ends with an error within its time,
//! and afterwards all is well without a hand.

use std::time::Duration;

use sekisho_checkpoint::audit::EventKind;
use sekisho_checkpoint::id::FactorId;
use sekisho_checkpoint::ports::{Change, Clock, Ending, Records};
use sekisho_otp::Step;
use sekisho_records::{PostgresRecords, PostgresSettings};

use super::SERVER;
use super::postgres::Postgres;
use super::promises::{OneThing as _, alice, apply, at, event, otp_app, register, session};

/// What must come, but may take a while on a busy machine.
const SOON: Duration = Duration::from_secs(30);

fn impatient(settings: PostgresSettings) -> PostgresSettings {
    PostgresSettings {
        connections: 2,
        time_limit: Duration::from_secs(1),
        ..settings
    }
}

async fn open(settings: &PostgresSettings) -> PostgresRecords {
    PostgresRecords::open(settings.clone())
        .await
        .expect("opens")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_is_away_and_comes_back() {
    let server = Postgres::start().expect("starts");
    let records = open(&server.database().expect("made")).await;
    register(&records, otp_app(1)).await;
    for crash in [false, true] {
        let accept = |step| records.accept_step(alice(), FactorId::new(1), Step(step), at(0));
        let step = 10 + u64::from(crash);
        assert!(accept(step).await.expect("asked"));
        let stopped = if crash { server.crash() } else { server.stop() };
        stopped.expect("stopped");
        assert!(records.standing(alice()).await.is_err());
        assert!(accept(step + 100).await.is_err());
        server.start_again().expect("starts");
        let standing = records.standing(alice()).await.expect("read");
        assert_eq!(standing.factors.len(), 1);
        assert!(
            !accept(step).await.expect("asked"),
            "what was said stays said"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_given_up_on_within_the_time_limit() {
    let server = Postgres::start().expect("starts");
    let settings = impatient(server.database().expect("made"));
    let records = open(&settings).await;
    records.standing(alice()).await.expect("read");
    server.freeze().expect("frozen");
    let asked = tokio::time::timeout(SOON, async {
        // More than there are connections: none is kept busy by the one before it.
        for _ in 0..2 * settings.connections {
            let error = records.standing(alice()).await.expect_err("not answered");
            assert!(error.to_string().contains("longer than 1s"), "{error}");
        }
    });
    asked.await.expect("given up on");
    server.thaw().expect("goes on");
    records.standing(alice()).await.expect("read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_turns_read_only_admits_nobody_until_it_takes_writes() {
    let server = Postgres::start().expect("starts");
    let records = open(&server.database().expect("made")).await;
    let turn = |value: &str| {
        let set = format!("ALTER SYSTEM SET default_transaction_read_only = {value}");
        server.sql("postgres", &set).expect("set");
        server.stop().expect("stops");
        server.start_again().expect("starts");
    };
    let signed_in = event(EventKind::SignedIn, 0);
    turn("on");
    assert!(records.note(&signed_in).await.is_err());
    assert!(records.standing(alice()).await.is_err());
    turn("off");
    records.note(&signed_in).await.expect("noted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_turns_read_only_under_us_is_left() {
    let server = Postgres::start().expect("starts");
    let records = open(&server.database().expect("made")).await;
    records.standing(alice()).await.expect("read");
    let turn = |value: &str| {
        let set = format!("ALTER SYSTEM SET default_transaction_read_only = {value}");
        server.sql("postgres", &set).expect("set");
        server
            .sql("postgres", "SELECT pg_reload_conf()")
            .expect("read anew");
    };
    // Another session each time: one that was kept and could not be ended would be in the way for ever.
    let mut number = 0;
    let mut writes = async || {
        number += 1;
        let (_, session) = session(number);
        records.begin(&session, None).await.is_ok()
    };
    turn("on");
    let became_read_only = async {
        // Each process of the server reads its settings anew when it comes to it.
        while writes().await {}
    };
    tokio::time::timeout(SOON, became_read_only)
        .await
        .expect("refused");
    turn("off");
    let takes_writes = async { while !writes().await {} };
    tokio::time::timeout(SOON, takes_writes)
        .await
        .expect("taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_is_heard_of_by_another_node_also_after_its_connection_was_lost() {
    let server = Postgres::start().expect("starts");
    let settings = server.database().expect("made");
    let (here, there) = (open(&settings).await, open(&settings).await);
    for restart in [false, true] {
        if restart {
            server.stop().expect("stops");
            server.start_again().expect("starts");
        }
        // It listens again, and says so in case something was written meanwhile.
        hears(&there).await;
        let (before, _) = there.revocations(None).await.expect("read");
        let number = apply(&here, Change::Mfa(false), Ending::EVERYTHING).await;
        hears(&there).await;
        let (_, news) = there.revocations(Some(before)).await.expect("read");
        let numbers: Vec<_> = news.iter().map(|revocation| revocation.number).collect();
        assert_eq!(numbers, [number]);
    }
}

async fn hears(node: &PostgresRecords) {
    let heard = tokio::time::timeout(SOON, node.revocation_heard());
    heard.await.expect("heard of");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_postgresql_can_not_keep_is_kept_by_a_stand_in() {
    let records = open(&SERVER.database().expect("made")).await;
    let mut odd = event(EventKind::SignedIn, 1);
    odd.client = "Mail\0Client".to_owned();
    records.note(&odd).await.expect("noted");
    let events = records.events(alice(), &[], at(0), 9).await.expect("read");
    assert_eq!(events[0].client, "Mail\u{fffd}Client");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_is_that_of_the_database_and_goes_on() {
    let records = open(&SERVER.database().expect("made")).await;
    let clock = records.clock().await.expect("told");
    let before = clock.now();
    clock.sleep_until(before + Duration::from_millis(5)).await;
    assert!(clock.now() >= before + Duration::from_millis(5));
    let another = records.clock().await.expect("told").now();
    let apart = another.duration_since(clock.now()).abs();
    assert!(apart < jiff::SignedDuration::from_secs(2), "{apart:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_or_of_somebody_else_is_refused() {
    let server = Postgres::start().expect("starts");
    let settings = server.database().expect("made");
    let first = open(&settings).await;
    assert!(first.was_empty());
    drop(first);
    assert!(!open(&settings).await.was_empty());
    let newer = "UPDATE schema_version SET version = 99";
    server.sql(&settings.database, newer).expect("set");
    let error = PostgresRecords::open(settings.clone())
        .await
        .expect_err("refused");
    assert!(error.to_string().contains("version 99"), "{error}");

    let theirs = server.database().expect("made");
    let table = "CREATE TABLE accounts (id int)";
    server.sql(&theirs.database, table).expect("made");
    let error = PostgresRecords::open(theirs).await.expect_err("refused");
    assert!(error.to_string().contains("something else"), "{error}");
}
