//! Makes the decisions that a browser would otherwise make itself, so that stories do not differ from run to run.
//!
//! Chromium decides when to offer the installation of the OTP app, by how the page was used and how busy the machine
//! is. It also decides whether the page gets persistent storage.

use serde_json::{Value, json};

use super::{Browser, Kind};

/// Hides the browser's own offers of installation from pages, and refuses persistent storage. The offers that a story
/// makes are untrusted events, which pass.
const DECISIONS: &str = "
    addEventListener('beforeinstallprompt', (event) => {
        if (event.isTrusted) event.stopImmediatePropagation();
    }, true);
    if (globalThis.StorageManager) {
        StorageManager.prototype.persist = async () => false;
        StorageManager.prototype.persisted = async () => false;
    }
";

impl Browser {
    /// Applies [`DECISIONS`] to all pages that the current tab opens from now on. Only Chromium needs it.
    pub(super) async fn decide(&self) -> anyhow::Result<()> {
        if self.wishes().kind == Kind::Chromium {
            self.before_every_page(DECISIONS).await?;
        }
        Ok(())
    }

    /// Applies [`DECISIONS`] to the page in the current tab, too.
    pub(super) async fn decide_here(&self) -> anyhow::Result<()> {
        self.decide().await?;
        if self.wishes().kind == Kind::Chromium {
            self.run(DECISIONS, Vec::new()).await?;
        }
        Ok(())
    }

    /// Offers the installation of the page, as Chromium would at some time. [`Browser::is_installed`] says whether the
    /// page accepted.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn offer_installation(&self) -> anyhow::Result<()> {
        let offer = "
            const offer = new Event('beforeinstallprompt', { cancelable: true });
            offer.prompt = async () => { window.installedByTest = true; };
            dispatchEvent(offer);
        ";
        self.run(offer, Vec::new()).await.map(drop)
    }

    /// Whether the page accepted the offer of installation.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn is_installed(&self) -> anyhow::Result<bool> {
        let script = "return window.installedByTest ?? arguments[0]";
        Ok(self.run(script, vec![json!(false)]).await? == Value::Bool(true))
    }
}
