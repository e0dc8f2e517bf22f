//! Declares a section of the configuration once: the struct, its defaults, how it is read, and its rows of the
//! reference.

use super::problem::Findings;
use super::read::Table;

/// Declares a section. Each key has a doc comment (its meaning in the reference), a type that reads it, and a default;
/// or, behind `=> needs`, what is missing where it is left out.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        pub(in crate::config) struct $name:ident($title:literal) {
            $(
                $(#[doc = $meaning:literal])*
                $key:ident: $type:ty $(= $default:expr)? $(=> needs $needs:literal)?,
            )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone)]
        pub(in crate::config) struct $name {
            header: Option<usize>,
            $(
                $(#[doc = $meaning])*
                pub(in crate::config) $key: $crate::config::read::Located<$type>,
            )*
        }

        impl $crate::config::section::Section for $name {
            const KEYS: &'static [&'static str] = &[$(stringify!($key)),*];

            fn read(
                mut table: $crate::config::read::Table<'_>,
                findings: &mut $crate::config::problem::Findings<'_>,
            ) -> Option<Self> {
                table.refuse_unknown(Self::KEYS, findings);
                // Everything is read before one key that is wrong decides.
                $(
                    let $key: Option<$crate::config::read::Located<$type>> = $crate::config::section::section!(
                        @read table, findings, $key, $type $(, = $default)? $(, => $needs)?
                    );
                )*
                Some(Self { header: table.line(), $($key: $key?,)* })
            }

            fn header(&self) -> Option<usize> {
                self.header
            }

            fn reference() -> $crate::config::section::Reference {
                $crate::config::section::Reference {
                    title: $title,
                    about: concat!($($about),*),
                    keys: vec![$($crate::config::section::Key {
                        name: stringify!($key),
                        default: $crate::config::section::section!(@written $type $(, = $default)?),
                        meaning: concat!($($meaning),*),
                    },)*],
                }
            }
        }
    };
    (@read $table:ident, $findings:ident, $key:ident, $type:ty, = $default:expr) => {
        $table.optional(stringify!($key), || -> $type { $default }, $findings)
    };
    (@read $table:ident, $findings:ident, $key:ident, $type:ty, => $needs:literal) => {
        $table.required(stringify!($key), $needs, $findings)
    };
    (@written $type:ty, = $default:expr) => {{
        let default: $type = $default;
        $crate::config::read::Value::written(&default)
    }};
    (@written $type:ty) => { String::new() };
}

pub(super) use section;

/// A section of the file.
pub(super) trait Section: Sized {
    /// Its keys, in the order of the reference.
    const KEYS: &'static [&'static str];

    /// Reads it; notes what is wrong with it.
    fn read(table: Table<'_>, findings: &mut Findings<'_>) -> Option<Self>;

    /// The line on which it begins, if it is written.
    fn header(&self) -> Option<usize>;

    /// What the reference says of it.
    fn reference() -> Reference;
}

/// A section, as the reference shows it.
pub(super) struct Reference {
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) keys: Vec<Key>,
}

/// A key, as the reference shows it.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// Empty where leaving the key out is not the same as writing anything.
    pub(super) default: String,
    pub(super) meaning: &'static str,
}
