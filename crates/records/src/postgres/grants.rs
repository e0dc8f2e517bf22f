//! Grants. An ended one stays, marked, until it would have expired: it counts nowhere, and can't be put back by someone
//! who read it before.

use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::grant::{Companion, Grant};
use sekisho_checkpoint::id::{GrantId, TokenHash};
use sekisho_checkpoint::ports::{CompanionClaim, Reach};
use sekisho_source::SourceKey;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use super::fault::Fault;
use super::lent::Lent;
use super::value::{hash, ip, kind, maybe_parsed, maybe_time, millis, parsed, plain, source, time};

/// The account's live grants, the newest first.
pub(super) async fn live(
    db: &Lent,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<Grant>, Fault> {
    let rows = db
        .query(
            "SELECT * FROM grants WHERE account = $1 AND ended_at IS NULL AND expires_at > $2
             ORDER BY granted_at DESC, grant_id DESC",
            &[&account.get(), &millis(now)],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// Keeps a grant in place of the one of its account and source, under that one's id and with its companion.
pub(super) async fn put(db: &Lent, grant: &Grant) -> Result<(), Fault> {
    let kept = db
        .execute(
            "INSERT INTO grants
                 (grant_id, account, source, address, companion, companion_address, companion_since, factor,
                  granted_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (account, source) WHERE ended_at IS NULL DO UPDATE SET
                 address = excluded.address, factor = excluded.factor,
                 companion = coalesce(excluded.companion, grants.companion),
                 companion_address = coalesce(excluded.companion_address, grants.companion_address),
                 companion_since = coalesce(excluded.companion_since, grants.companion_since),
                 granted_at = excluded.granted_at, expires_at = excluded.expires_at",
            &[
                &grant.id.get(),
                &grant.account.get(),
                &grant.source.to_string(),
                &grant.address.to_string(),
                &grant.companion.map(|c| c.source.to_string()),
                &grant.companion.map(|c| c.address.to_string()),
                &grant.companion.map(|c| millis(c.joined_at)),
                &grant.factor.as_str(),
                &millis(grant.granted_at),
                &millis(grant.expires_at),
            ],
        )
        .await;
    match kept {
        Ok(_) => Ok(()),
        Err(Fault::Postgres(error)) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            Err(Fault::GrantTaken)
        }
        Err(fault) => Err(fault),
    }
}

/// Ends the account's grants of the sources reached; a grant is of its companion's source as well.
pub(super) async fn end_of(
    db: &Lent,
    account: AccountId,
    reach: Reach<SourceKey>,
    at: Timestamp,
) -> Result<(), Fault> {
    let (which, key) = match reach {
        Reach::None => return Ok(()),
        Reach::All => ("$3::text IS NULL", None),
        Reach::AllBut(key) => ("$3 NOT IN (source, coalesce(companion, ''))", Some(key)),
        Reach::Only(key) => ("$3 IN (source, coalesce(companion, ''))", Some(key)),
    };
    db.execute(
        &format!(
            "UPDATE grants SET ended_at = $2 WHERE account = $1 AND ended_at IS NULL AND {which}"
        ),
        &[&account.get(), &millis(at), &key.map(|key| key.to_string())],
    )
    .await?;
    Ok(())
}

pub(super) async fn put_claim(db: &Lent, claim: &CompanionClaim) -> Result<(), Fault> {
    db.execute(
        "INSERT INTO claims (token, account, grant_id, expires_at) VALUES ($1, $2, $3, $4)",
        &[
            &claim.token.0.as_slice(),
            &claim.account.get(),
            &claim.grant.get(),
            &millis(claim.expires_at),
        ],
    )
    .await?;
    Ok(())
}

/// Takes a claim away; one whose time is over counts as none.
pub(super) async fn take_claim(
    db: &Lent,
    token: &TokenHash,
    now: Timestamp,
) -> Result<Option<CompanionClaim>, Fault> {
    let row = db
        .query_opt(
            "DELETE FROM claims WHERE token = $1 RETURNING *",
            &[&token.0.as_slice()],
        )
        .await?;
    let claim = row.map(|row| {
        Ok::<_, Fault>(CompanionClaim {
            token: TokenHash(hash(&row, "token")?),
            account: AccountId::new(plain(&row, "account")?),
            grant: GrantId::new(plain(&row, "grant_id")?),
            expires_at: time(&row, "expires_at")?,
        })
    });
    Ok(claim.transpose()?.filter(|claim| now < claim.expires_at))
}

/// Lets a companion join a live grant.
pub(super) async fn join(
    db: &Lent,
    grant: GrantId,
    companion: Companion,
    now: Timestamp,
) -> Result<bool, Fault> {
    let changed = db
        .execute(
            "UPDATE grants SET companion = $2, companion_address = $3, companion_since = $4
             WHERE grant_id = $1 AND ended_at IS NULL AND expires_at > $5",
            &[
                &grant.get(),
                &companion.source.to_string(),
                &companion.address.to_string(),
                &millis(companion.joined_at),
                &millis(now),
            ],
        )
        .await?;
    Ok(changed == 1)
}

pub(super) async fn purge(db: &Lent, now: Timestamp) -> Result<(), Fault> {
    db.execute("DELETE FROM claims WHERE expires_at <= $1", &[&millis(now)])
        .await?;
    db.execute("DELETE FROM grants WHERE expires_at <= $1", &[&millis(now)])
        .await?;
    Ok(())
}

fn read(row: &Row) -> Result<Grant, Fault> {
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
