//! What tests put in the place of the checkpoint's ports.
//!
//! Rooms name this crate as a dev-dependency only: no part of it reaches the product. It holds what several rooms need.
//! A fake that only one room needs stays in that room's tests, and whole systems are started by `testkit`.
//!
//! - `clock`: [`HandClock`], which only the test moves.
//! - `letters`: [`LetterBox`], a courier that keeps what it is given.

mod clock;
mod letters;

pub use clock::HandClock;
pub use letters::LetterBox;
