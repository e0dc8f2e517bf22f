//! What a browser would decide by itself, decided by the test.
//!
//! Chromium offers to install the OTP app when it likes: it depends on how the page was used and how busy the machine
//! is. It grants persistent storage by a judgement of its own, too. A story that shows the app's page would read
//! differently from run to run.

use serde_json::{Value, json};

use super::{Browser, Kind};

/// Keeps the browser's own offers from pages, and its judgement about storage. A story makes an offer by an event of
/// its own, which is not trusted.
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
    /// Decides for the pages that the current tab shows from now on. Only Chromium decides by itself.
    pub(super) async fn decide(&self) -> anyhow::Result<()> {
        if self.wishes().kind == Kind::Chromium {
            self.before_every_page(DECISIONS).await?;
        }
        Ok(())
    }

    /// Decides for the page that the current tab shows already, as well.
    pub(super) async fn decide_here(&self) -> anyhow::Result<()> {
        self.decide().await?;
        if self.wishes().kind == Kind::Chromium {
            self.run(DECISIONS, Vec::new()).await?;
        }
        Ok(())
    }

    /// Offers the page's installation to the person, as Chromium does when it likes. [`Browser::is_installed`] tells
    /// whether the page took the offer up.
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

    /// Whether the page asked for the installation that it was offered.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn is_installed(&self) -> anyhow::Result<bool> {
        let script = "return window.installedByTest ?? arguments[0]";
        Ok(self.run(script, vec![json!(false)]).await? == Value::Bool(true))
    }
}
