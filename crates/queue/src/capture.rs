//! A transport that leads nowhere: what would leave the site is kept to be looked at.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use sekisho_checkpoint::ports::Clock;
use sekisho_smtp::Path;

use crate::transport::{Envelope, Outcome, Transport};

/// How many messages are kept; the oldest go first.
const KEPT: usize = 200;

/// Keeps what left the site, for a demonstration or a test. In memory only.
pub struct CaptureTransport {
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    count: u64,
    messages: VecDeque<Arc<CapturedMail>>,
}

/// A message that left the site.
#[derive(Debug, Clone)]
pub struct CapturedMail {
    /// Counts from 1.
    pub number: u64,
    /// When it left.
    pub at: Timestamp,
    /// The envelope's sender.
    pub sender: Option<Path>,
    /// The envelope's recipients.
    pub recipients: Vec<Path>,
    /// The message.
    pub message: Vec<u8>,
}

impl CaptureTransport {
    /// Begins empty.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            kept: Mutex::default(),
        })
    }

    /// What was sent, the newest first.
    #[must_use]
    pub fn captured(&self) -> Vec<Arc<CapturedMail>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.messages.iter().rev().cloned().collect()
    }
}

impl std::fmt::Debug for CaptureTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaptureTransport").finish_non_exhaustive()
    }
}

#[async_trait]
impl Transport for CaptureTransport {
    async fn send(&self, envelope: &Envelope, message: &[u8]) -> Vec<Outcome> {
        let recipients: Vec<Path> = envelope.recipients.iter().map(|r| r.to.clone()).collect();
        let outcomes = vec![Outcome::Sent { reports: false }; recipients.len()];
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.count += 1;
        let captured = CapturedMail {
            number: kept.count,
            at: self.clock.now(),
            sender: envelope.sender.clone(),
            recipients,
            message: message.to_vec(),
        };
        kept.messages.push_back(Arc::new(captured));
        if kept.messages.len() > KEPT {
            kept.messages.pop_front();
        }
        outcomes
    }
}
