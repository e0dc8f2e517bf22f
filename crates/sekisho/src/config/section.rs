//! Declares a section of the configuration once: the struct, its defaults, and its rows of the reference.

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
            /// Title, what it is about, and for each key its name, default and meaning.
            pub const REFERENCE: $crate::config::section::Reference = (
                $title,
                concat!($($about),*),
                &[$((stringify!($key), stringify!($default), concat!($($meaning),*)),)*],
            );
        }
    };
}

/// A section's title, what it is about, and its keys with default and meaning.
pub(super) type Reference = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str, &'static str)],
);

pub(super) use section;
