//! A buffer of received bytes, from which lines are taken.

/// Bytes that were received and not used yet. Its owner keeps it small, by asking [`Self::line`] before pushing more.
#[derive(Debug, Default)]
pub struct Inbound {
    bytes: Vec<u8>,
    start: usize,
    /// Up to where no LF was found.
    searched: usize,
}

impl Inbound {
    /// Begins with bytes that another reader of the stream has read already.
    #[must_use]
    pub fn with(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            start: 0,
            searched: 0,
        }
    }

    /// Adds bytes from the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The bytes that were not used yet.
    #[inline]
    #[must_use]
    pub fn waiting(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Uses up the first of them.
    #[inline]
    pub fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.bytes.len());
        self.searched = self.searched.max(self.start);
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
            self.searched = 0;
        }
    }

    /// Takes the next line, without its CRLF; `None` while it is incomplete.
    ///
    /// # Errors
    /// The line is longer than `limit` bytes (with its CRLF) or ends in a bare LF. Then nobody knows where the next
    /// line begins, and the connection has to be closed.
    pub fn line(&mut self, limit: usize) -> Result<Option<Vec<u8>>, LineFault> {
        let unsearched = self.bytes.get(self.searched..).unwrap_or_default();
        let Some(found) = memchr::memchr(b'\n', unsearched) else {
            self.searched = self.bytes.len();
            return if self.waiting().len() >= limit {
                Err(LineFault::TooLong)
            } else {
                Ok(None)
            };
        };
        let end = self.searched + found;
        let line = self.bytes.get(self.start..end).unwrap_or_default();
        if line.len() + 1 > limit {
            return Err(LineFault::TooLong);
        }
        let line = line.strip_suffix(b"\r").ok_or(LineFault::BareLf)?.to_vec();
        self.consume(end + 1 - self.start);
        Ok(Some(line))
    }
}

/// Why no further line can be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// Longer than allowed.
    #[error("the line is too long")]
    TooLong,
    /// It ends in LF without CR (RFC 5321 2.3.8).
    #[error("lines end with CR LF")]
    BareLf,
}
