//! The nodes' sealing keys, by their fingerprints.

use sekisho_checkpoint::sealing::KeyId;

use super::fault::Fault;
use super::lent::Lent;
use super::value::{hash, plain};

/// Compares a node's keys with those that nodes had before, and remembers new ones.
pub(super) async fn agree(db: &Lent, keys: &[(KeyId, [u8; 32])]) -> Result<(), Fault> {
    for (id, fingerprint) in keys {
        db.execute(
            "INSERT INTO sealing_keys (key, fingerprint) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            &[&i64::from(id.0), &fingerprint.as_slice()],
        )
        .await?;
    }
    for row in db
        .query("SELECT * FROM sealing_keys ORDER BY key", &[])
        .await?
    {
        let number: i64 = plain(&row, "key")?;
        let known = hash(&row, "fingerprint")?;
        match keys.iter().find(|(id, _)| i64::from(id.0) == number) {
            Some((_, ours)) if *ours == known => {}
            Some(_) => return Err(Fault::AnotherKey(number)),
            // An older one may have gone to the archive; the newest is the one that the others seal with.
            None if keys.iter().all(|(id, _)| i64::from(id.0) < number) => {
                return Err(Fault::NoSuchKey(number));
            }
            None => {}
        }
    }
    Ok(())
}
