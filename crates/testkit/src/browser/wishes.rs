//! The settings of the browser that a story asks for.

/// Which browser it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Chromium; stands for Chrome and Edge, too.
    Chromium,
    /// Firefox.
    Firefox,
}

impl Kind {
    /// The name for files and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
        }
    }
}

/// The settings of a browser.
#[derive(Debug, Clone, Copy)]
pub struct Wishes {
    /// Which browser it is.
    pub kind: Kind,
    /// The language in `Accept-Language`.
    pub lang: &'static str,
    /// The window's width, in CSS pixels.
    pub width: u32,
    /// Whether scripts run in pages.
    pub scripts: bool,
}
