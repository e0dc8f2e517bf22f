//! An account's folder, opened.

/// The parts of an opened account.
pub(super) struct Core;
