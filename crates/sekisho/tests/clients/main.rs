//! The mail clients that people have, at the doors of the real program: nothing here speaks a protocol by itself.

mod everyday;
mod round_trip;
mod stress;
#[path = "../processes/support.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of processes, which use all of it"
)]
mod support;
