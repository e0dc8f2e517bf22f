//! The operating system's random numbers.

/// Fills the buffer with random bytes.
///
/// # Panics
///
/// Panics if the operating system provides none: no code or key may be made then, and the caller can't do anything
/// about it.
pub fn fill(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("the operating system provides random numbers");
}
