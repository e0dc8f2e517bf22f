//! The clock's high-water mark.

use jiff::Timestamp;

use super::fault::Fault;
use super::lent::Lent;
use super::value::{as_time, millis, plain};

/// Raises the mark of this connection's slot; a later one stays. Sixty-four slots, so that those who write seldom wait
/// for each other here.
pub(super) const RAISE: &str =
    "INSERT INTO clock (slot, mark) VALUES ((pg_backend_pid() % 64)::smallint, $1)
     ON CONFLICT (slot) DO UPDATE SET mark = greatest(clock.mark, excluded.mark)";

/// Raises the mark to `now`; a later one stays.
pub(super) async fn raise(db: &Lent, now: Timestamp) -> Result<(), Fault> {
    db.execute(RAISE, &[&millis(now)]).await?;
    Ok(())
}

/// The mark, once it was raised.
pub(super) async fn read(db: &Lent) -> Result<Timestamp, Fault> {
    let row = db
        .query_one("SELECT max(mark) AS mark FROM clock", &[])
        .await?;
    as_time(plain(&row, "mark")?, "clock")
}
