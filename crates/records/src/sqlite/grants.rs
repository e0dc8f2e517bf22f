//! Grants. An ended one stays in the file, marked, until it would have expired: it counts nowhere, and can't be put
//! back by someone who read it before.

use std::cmp::Reverse;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::grant::{Companion, Grant};
use sekisho_checkpoint::id::{GrantId, TokenHash};
use sekisho_checkpoint::ports::{CompanionClaim, Reach};
use sekisho_source::SourceKey;

use super::fault::Fault;
use super::value::{ip, kind, maybe_parsed, maybe_time, millis, parsed, plain, source, time};

/// The account's live grants, the newest first.
pub(super) fn live(
    db: &Connection,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<Grant>, Fault> {
    let mut grants: Vec<Grant> = db
        .prepare_cached(
            "SELECT * FROM grants WHERE account = ?1 AND ended_at IS NULL AND expires_at > ?2",
        )?
        .query_and_then([account.get(), millis(now)], read)?
        .collect::<Result<_, _>>()?;
    // Sorted here for the same reason as factors are.
    grants.sort_unstable_by_key(|grant| Reverse((grant.granted_at, grant.id)));
    Ok(grants)
}

/// Keeps a grant in place of the one of its account and source, under that one's id and with its companion.
pub(super) fn put(db: &Connection, grant: &Grant) -> Result<(), Fault> {
    let id: Option<i64> = db
        .prepare_cached(
            "INSERT INTO grants
                 (grant_id, account, source, address, companion, companion_address, companion_since, factor,
                  granted_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (account, source) WHERE ended_at IS NULL DO UPDATE SET
                 address = excluded.address, factor = excluded.factor,
                 companion = ifnull(excluded.companion, companion),
                 companion_address = ifnull(excluded.companion_address, companion_address),
                 companion_since = ifnull(excluded.companion_since, companion_since),
                 granted_at = excluded.granted_at, expires_at = excluded.expires_at
             ON CONFLICT (grant_id) DO NOTHING
             RETURNING grant_id",
        )?
        .query_row(
            params![
                grant.id.get(),
                grant.account.get(),
                grant.source.to_string(),
                grant.address.to_string(),
                grant.companion.map(|c| c.source.to_string()),
                grant.companion.map(|c| c.address.to_string()),
                grant.companion.map(|c| millis(c.joined_at)),
                grant.factor.as_str(),
                millis(grant.granted_at),
                millis(grant.expires_at),
            ],
            |row| row.get(0),
        )
        .optional()?;
    id.map(drop).ok_or(Fault::GrantTaken)
}

/// Ends the account's grants of the sources reached; a grant is of its companion's source as well.
pub(super) fn end_of(
    db: &Connection,
    account: AccountId,
    reach: Reach<SourceKey>,
    at: Timestamp,
) -> Result<(), Fault> {
    let (which, key) = match reach {
        Reach::None => return Ok(()),
        Reach::All => ("?3 IS NULL", None),
        Reach::AllBut(key) => ("?3 NOT IN (source, ifnull(companion, ''))", Some(key)),
        Reach::Only(key) => ("?3 IN (source, ifnull(companion, ''))", Some(key)),
    };
    db.prepare_cached(&format!(
        "UPDATE grants SET ended_at = ?2 WHERE account = ?1 AND ended_at IS NULL AND {which}"
    ))?
    .execute(params![
        account.get(),
        millis(at),
        key.map(|key| key.to_string())
    ])?;
    Ok(())
}

pub(super) fn put_claim(db: &Connection, claim: &CompanionClaim) -> Result<(), Fault> {
    db.prepare_cached(
        "INSERT INTO claims (token, account, grant_id, expires_at) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        claim.token.0,
        claim.account.get(),
        claim.grant.get(),
        millis(claim.expires_at),
    ])?;
    Ok(())
}

/// Takes a claim away; one whose time is over counts as none.
pub(super) fn take_claim(
    db: &Connection,
    token: &TokenHash,
    now: Timestamp,
) -> Result<Option<CompanionClaim>, Fault> {
    let claim = db
        .prepare_cached("DELETE FROM claims WHERE token = ?1 RETURNING *")?
        .query_and_then([token.0], |row| {
            Ok::<_, Fault>(CompanionClaim {
                token: TokenHash(plain(row, "token")?),
                account: AccountId::new(plain(row, "account")?),
                grant: GrantId::new(plain(row, "grant_id")?),
                expires_at: time(row, "expires_at")?,
            })
        })?
        .next()
        .transpose()?;
    Ok(claim.filter(|claim| now < claim.expires_at))
}

/// Lets a companion join a live grant.
pub(super) fn join(
    db: &Connection,
    grant: GrantId,
    companion: Companion,
    now: Timestamp,
) -> Result<bool, Fault> {
    let changed = db
        .prepare_cached(
            "UPDATE grants SET companion = ?2, companion_address = ?3, companion_since = ?4
             WHERE grant_id = ?1 AND ended_at IS NULL AND expires_at > ?5",
        )?
        .execute(params![
            grant.get(),
            companion.source.to_string(),
            companion.address.to_string(),
            millis(companion.joined_at),
            millis(now),
        ])?;
    Ok(changed == 1)
}

pub(super) fn purge(db: &Connection, now: Timestamp) -> Result<(), Fault> {
    db.prepare_cached("DELETE FROM claims WHERE expires_at <= ?1")?
        .execute([millis(now)])?;
    db.prepare_cached("DELETE FROM grants WHERE expires_at <= ?1")?
        .execute([millis(now)])?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Grant, Fault> {
    Ok(Grant {
        id: GrantId::new(plain(row, "grant_id")?),
        account: AccountId::new(plain(row, "account")?),
        source: parsed(row, "source", source)?,
        address: parsed(row, "address", ip)?,
        companion: maybe_parsed(row, "companion", source)?
            .zip(maybe_parsed(row, "companion_address", ip)?)
            .zip(maybe_time(row, "companion_since")?)
            .map(|((source, address), joined_at)| Companion {
                source,
                address,
                joined_at,
            }),
        factor: kind(row, "factor")?,
        granted_at: time(row, "granted_at")?,
        expires_at: time(row, "expires_at")?,
    })
}
