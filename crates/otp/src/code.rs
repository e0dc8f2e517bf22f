//! The app code and the user code.

use core::fmt;

use crate::symbols::{CodeError, Symbols};

/// Declares one side's code. App codes and user codes are separate types so that a function which wants one of each
/// can't be given the same side twice.
macro_rules! code {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Equality is decided in constant time, `Debug` shows nothing of the code, and the memory is
        /// wiped when the value is dropped.
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(Symbols);

        impl $name {
            /// Makes a new code from 70 bits of the operating system's randomness.
            ///
            /// # Panics
            ///
            /// Panics if the operating system provides no random numbers.
            pub fn generate() -> Self {
                Self(Symbols::generate())
            }

            /// Reads a code as people type it: lower case, full-width letters, spaces, hyphens missing
            /// or of another kind, and the letters O, I and L for the digits they resemble.
            ///
            /// # Errors
            ///
            /// A [`CodeError`] that says what the person should look at.
            pub fn parse(typed: &str) -> Result<Self, CodeError> {
                Symbols::parse(typed).map(Self)
            }

            /// The code as it is shown: upper case, three groups of five joined by hyphens
            /// (`8DE7R-DNB4K-M240Y`). This gives the secret away.
            pub fn grouped(&self) -> String {
                self.0.grouped()
            }

            pub(crate) fn symbols(&self) -> &Symbols {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

code! {
    /// The code that the OTP app made and shows (アプリコード).
    AppCode
}

code! {
    /// The code that the webmail made and shows (ユーザコード).
    UserCode
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_shown_in_three_groups_of_five_and_read_back() {
        for _ in 0..100 {
            let code = AppCode::generate();
            let shown = code.grouped();
            assert_eq!(
                shown.split('-').map(str::len).collect::<Vec<_>>(),
                [5, 5, 5]
            );
            assert_eq!(AppCode::parse(&shown).as_ref(), Ok(&code));
        }
    }

    #[test]
    fn two_generated_codes_differ() {
        assert_ne!(UserCode::generate(), UserCode::generate());
    }

    #[test]
    fn debug_keeps_the_code_to_itself() {
        let code = UserCode::generate();
        assert_eq!(format!("{code:?}"), "UserCode(..)");
    }
}
