//! Counts what a person does, and estimates its time by the keystroke-level model (Card, Moran and Newell 1980).

use std::ops::AddAssign;

/// Seconds to type a key.
const KEY: f64 = 0.28;
/// Seconds to point at something and press it.
const POINTING: f64 = 1.1;
/// Seconds to decide on each step.
const DECISION: f64 = 1.35;

/// What a person did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// Actions that each need a decision: a field filled in, a button pressed.
    pub steps: u32,
    /// How often the person pointed at something.
    pub pointings: u32,
    /// Keys typed.
    pub keys: u32,
}

impl Effort {
    /// The time that a practised person needs, in seconds, without the time that the machine takes.
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
