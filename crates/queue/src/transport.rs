//! The way out of the site, as the queue sees it.

use async_trait::async_trait;

use sekisho_smtp::{Path, RcptTo, Reply, Ret};

/// Hands messages to the server that carries them on.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Hands over a message: one outcome for each recipient, in their order.
    async fn send(&self, envelope: &Envelope, message: &[u8]) -> Vec<Outcome>;
}

/// Who sends to whom.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The reverse-path (RFC 5321).
    pub sender: Option<Path>,
    /// The forward-paths, at least one, and which reports are wanted of each.
    pub recipients: Vec<RcptTo>,
    /// Whether it needs RFC 6531.
    pub utf8: bool,
    /// Whether the content has octets beyond ASCII.
    pub eight_bit: bool,
    /// What reports return.
    pub ret: Option<Ret>,
    /// The sender's identifier for reports, as xtext.
    pub envid: Option<String>,
}

/// What became of a message for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was accepted.
    Sent {
        /// Whether the other side will send the reports of success that were asked for (RFC 3461).
        reports: bool,
    },
    /// It failed for now.
    Later(Diagnostic),
    /// It failed for good.
    Never(Diagnostic),
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The enhanced status code (RFC 3463).
    pub status: String,
    /// In words: the other side's reply, or our own. One line.
    pub words: String,
    /// Whether the words are a reply of the other side.
    pub replied: bool,
}

impl Diagnostic {
    /// The longest words that are kept, in characters.
    const LONGEST: usize = 500;

    /// A diagnostic in our own words.
    #[must_use]
    pub fn own(status: &str, words: impl std::fmt::Display) -> Self {
        Self {
            status: status.to_owned(),
            words: on_one_line(&words.to_string()),
            replied: false,
        }
    }

    /// A diagnostic from a reply of the other side.
    #[must_use]
    pub fn reply(reply: &Reply) -> Self {
        let fallback = if reply.is_permanent() {
            "5.0.0"
        } else {
            "4.0.0"
        };
        Self {
            status: reply.status().unwrap_or(fallback).to_owned(),
            words: on_one_line(&reply.in_one_line()),
            replied: true,
        }
    }
}

fn on_one_line(words: &str) -> String {
    words
        .chars()
        .take(Diagnostic::LONGEST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

impl Outcome {
    /// The outcome that a negative reply means.
    #[must_use]
    pub fn refused(reply: &Reply) -> Self {
        if reply.is_permanent() {
            Self::Never(Diagnostic::reply(reply))
        } else {
            Self::Later(Diagnostic::reply(reply))
        }
    }
}
