//! What tests put in the place of the checkpoint's ports, and of machines elsewhere.
//!
//! Rooms name this crate as a dev-dependency only: no part of it reaches the product, which a test of `testkit` sees
//! to. It holds what several rooms need. A fake that only one room needs stays in that room's tests, such as the
//! records in memory of the checkpoint's simulation; and whole systems are started by `testkit`.
//!
//! - [`HandClock`] stands until the test moves it, [`AheadClock`] goes with another one: the clocks of all tests.
//! - [`Town`] is a directory, [`LetterBox`] a courier.
//! - [`TestRelay`] is a mail relay, [`LineClient`] a client of SMTP and the like.

mod clock;
mod letters;
mod line_client;
mod relay;
mod town;

pub use clock::{AheadClock, HandClock};
pub use letters::LetterBox;
pub use line_client::LineClient;
pub use relay::TestRelay;
pub use town::{ALICE, BOB, Town};
