//! The port through which deliveries send mail on.

use async_trait::async_trait;

use crate::error::QueueError;
use crate::mail::Mail;

/// Takes what a delivery sends on: forwarded mail, and notices that somebody is away.
#[async_trait]
pub trait Outgoing: Send + Sync {
    /// Whether mail can leave the site.
    fn reaches_other_sites(&self) -> bool;

    /// Takes a message; when this returns, it is on the disk.
    ///
    /// # Errors
    /// Nothing was taken.
    async fn put(&self, mail: Mail) -> Result<(), QueueError>;
}
