//! Failures, one row each, so that any window can be counted.

use jiff::Timestamp;

use super::fault::Fault;
use super::lent::Lent;
use super::value::{as_time, millis, plain};

pub(super) async fn count(db: &Lent, keys: &[String], now: Timestamp) -> Result<(), Fault> {
    if keys.is_empty() {
        return Ok(());
    }
    db.execute(
        "INSERT INTO counted (key, at) SELECT key, $2 FROM unnest($1::text[]) AS keys (key)",
        &[&keys, &millis(now)],
    )
    .await?;
    Ok(())
}

/// Removes one count of that time under each key; of two who do so at once, each another.
pub(super) async fn take_back(db: &Lent, keys: &[String], at: Timestamp) -> Result<(), Fault> {
    db.execute(
        "DELETE FROM counted WHERE ctid = ANY (ARRAY(
             SELECT one.ctid FROM unnest($1::text[]) AS keys (key)
             CROSS JOIN LATERAL
                 (SELECT ctid FROM counted WHERE counted.key = keys.key AND at = $2
                  LIMIT 1 FOR UPDATE SKIP LOCKED) AS one))",
        &[&keys, &millis(at)],
    )
    .await?;
    Ok(())
}

/// Marks the locks of those who count under a limit, beside those of accounts.
const COUNTING: i32 = 1;

/// Waits, until the transaction ends, for others who count what one of the limits concerns; always in the same order,
/// so that nobody waits in a circle.
pub(super) async fn wait_for_others(
    db: &Lent,
    windows: &[(String, Timestamp)],
) -> Result<(), Fault> {
    let keys: Vec<&str> = windows.iter().map(|(key, _)| key.as_str()).collect();
    db.execute(
        "SELECT pg_advisory_xact_lock($2, lock) FROM
             (SELECT DISTINCT hashtext(key) AS lock FROM unnest($1::text[]) AS keys (key)
              ORDER BY lock) AS locks",
        &[&keys, &COUNTING],
    )
    .await?;
    Ok(())
}

/// The latest 200 under each key, the oldest of them first.
pub(super) async fn counted(
    db: &Lent,
    keys: &[(String, Timestamp)],
) -> Result<Vec<Vec<Timestamp>>, Fault> {
    let (names, sinces): (Vec<&str>, Vec<i64>) = keys
        .iter()
        .map(|(key, since)| (key.as_str(), millis(*since)))
        .unzip();
    let rows = db
        .query(
            "SELECT asked.place, latest.at
             FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS asked (key, since, place)
             CROSS JOIN LATERAL
                 (SELECT at FROM counted WHERE counted.key = asked.key AND at > asked.since
                  ORDER BY at DESC LIMIT 200) AS latest
             ORDER BY asked.place, latest.at",
            &[&names, &sinces],
        )
        .await?;
    let mut times = vec![Vec::new(); keys.len()];
    for row in rows {
        let place: i64 = plain(&row, "place")?;
        let at = as_time(plain(&row, "at")?, "counted time")?;
        usize::try_from(place - 1)
            .ok()
            .and_then(|place| times.get_mut(place))
            .ok_or(Fault::Damaged("place of a count"))?
            .push(at);
    }
    Ok(times)
}

pub(super) async fn purge(db: &Lent, before_millis: i64) -> Result<(), Fault> {
    db.execute("DELETE FROM counted WHERE at < $1", &[&before_millis])
        .await?;
    Ok(())
}
