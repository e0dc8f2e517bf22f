//! The operating system's random numbers.

/// Fills the buffer with random bytes.
///
/// # Panics
///
/// Panics if the operating system has none to give: no code or key may be made then, and nothing that
/// the caller could do would help.
pub fn fill(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("the operating system provides random numbers");
}
