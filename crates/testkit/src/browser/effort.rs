//! What a person does to get something done, and how long that takes by the keystroke-level model (Card, Moran and Newell 1980).

use std::ops::AddAssign;

/// Seconds for a key.
const KEY: f64 = 0.28;
/// Seconds for pointing at something and pressing it.
const POINTING: f64 = 1.1;
/// Seconds for the decision before each step.
const DECISION: f64 = 1.35;

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// Things decided and done one by one: a field filled in, a button pressed.
    pub steps: u32,
    /// Of them, or before them, pointings.
    pub pointings: u32,
    /// Characters typed.
    pub keys: u32,
}

impl Effort {
    /// How long it takes somebody used to it, in seconds; the machine's own time aside.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        f64::from(self.keys) * KEY
            + f64::from(self.pointings) * POINTING
            + f64::from(self.steps) * DECISION
    }
}

impl AddAssign for Effort {
    fn add_assign(&mut self, other: Self) {
        self.steps += other.steps;
        self.pointings += other.pointings;
        self.keys += other.keys;
    }
}
