//! Places in the result of a search or a FETCH (RFC 9394).

use std::fmt;

use super::cursor::{Cursor, Parsed};

/// Positions in a result: `1:100` are its first hundred, `-1:-100` its last (RFC 9394, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Positions {
    /// The position nearer to the end from which positions are counted; at least 1.
    pub from: u32,
    /// The farther position.
    pub to: u32,
    /// Whether positions are counted from the end of the result.
    pub backwards: bool,
}

impl Positions {
    /// The same positions as indices into a result of `count` numbers, cut off where the result is shorter.
    #[must_use]
    pub fn indices(self, count: usize) -> std::ops::Range<usize> {
        let from = (self.from as usize - 1).min(count);
        let to = (self.to as usize).min(count);
        if self.backwards {
            count - to..count - from
        } else {
            from..to
        }
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.backwards { "-" } else { "" };
        write!(f, "{sign}{}:{sign}{}", self.from, self.to)
    }
}

/// `1:100` or `-1:-100`; the ends may be in either order.
pub(super) fn positions(c: &mut Cursor<'_>) -> Parsed<Positions> {
    let backwards = c.eat(b'-');
    let one = c.number32()?;
    c.expect(b':', "a colon")?;
    if c.eat(b'-') != backwards {
        return c.expected("two places counted from the same end");
    }
    let other = c.number32()?;
    let (from, to) = (one.min(other), one.max(other));
    if from == 0 {
        return c.expected("a place above 0");
    }
    Ok(Positions {
        from,
        to,
        backwards,
    })
}
