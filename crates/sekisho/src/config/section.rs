//! Declares a section of the configuration once: the struct, its defaults, and its rows of the reference.

use std::path::PathBuf;

use jiff::SignedDuration;

/// Declares a section. Each key has a doc comment (its meaning in the reference) and a default.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident($title:literal) {
            $(
                $(#[doc = $meaning:literal])*
                $key:ident: $type:ty = $default:expr,
            )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $(
                $(#[doc = $meaning])*
                pub $key: $type,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl $name {
            /// What the reference says of this section.
            fn reference() -> $crate::config::section::Reference {
                use $crate::config::section::{AsToml, Key, Reference};
                let default = Self::default();
                Reference {
                    title: $title,
                    about: concat!($($about),*),
                    keys: vec![$(Key {
                        name: stringify!($key),
                        default: default.$key.as_toml(),
                        meaning: concat!($($meaning),*),
                    },)*],
                }
            }
        }
    };
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

/// Writes a default the way it stands in a file.
pub(super) trait AsToml {
    fn as_toml(&self) -> String;
}

impl AsToml for bool {
    fn as_toml(&self) -> String {
        self.to_string()
    }
}

macro_rules! numbers {
    ($($number:ty),*) => { $(impl AsToml for $number {
        fn as_toml(&self) -> String {
            self.to_string()
        }
    })* };
}

numbers!(u8, u16, u64, usize);

impl AsToml for String {
    fn as_toml(&self) -> String {
        if self.is_empty() {
            Self::new()
        } else {
            format!("{self:?}")
        }
    }
}

impl AsToml for PathBuf {
    fn as_toml(&self) -> String {
        format!("{:?}", self.display().to_string())
    }
}

impl AsToml for std::net::SocketAddr {
    fn as_toml(&self) -> String {
        format!("\"{self}\"")
    }
}

impl<T> AsToml for Option<T>
where
    T: AsToml,
{
    fn as_toml(&self) -> String {
        self.as_ref().map(AsToml::as_toml).unwrap_or_default()
    }
}

/// No list has a default that is not empty.
impl<T> AsToml for Vec<T> {
    fn as_toml(&self) -> String {
        "[]".to_owned()
    }
}

impl AsToml for jiff::Timestamp {
    fn as_toml(&self) -> String {
        format!("\"{self}\"")
    }
}

/// In the largest unit that gives a whole number.
impl AsToml for SignedDuration {
    fn as_toml(&self) -> String {
        let seconds = self.as_secs();
        match (seconds % 3600, seconds % 60) {
            (0, _) => format!("\"{}h\"", seconds / 3600),
            (_, 0) => format!("\"{}m\"", seconds / 60),
            _ => format!("\"{seconds}s\""),
        }
    }
}

pub(super) use section;
