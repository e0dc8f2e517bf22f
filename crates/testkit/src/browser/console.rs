//! What the browser's console reports.

use serde_json::json;

use super::{Browser, Kind};

impl Browser {
    /// The console's warnings and errors since the start: broken scripts, refused resources, violated policies.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn complaints(&self) -> anyhow::Result<Vec<String>> {
        match self.wishes.kind {
            Kind::Chromium => {
                let log = self.ask("se/log", json!({ "type": "browser" })).await?;
                let entries = log.as_array().map(Vec::as_slice).unwrap_or_default();
                let bad = entries
                    .iter()
                    .filter(|entry| matches!(entry["level"].as_str(), Some("SEVERE" | "WARNING")));
                // Our own answer to a form with a mistake; the page is in order.
                let shown_again = "the server responded with a status of 422";
                // The OTP app asks the site for the time, and works without it.
                let offline = "/now - Failed to load resource";
                // Chromium reports this when the person switches tabs while a page loads.
                let unseen = "Transition was aborted";
                let said = bad.map(|entry| entry["message"].to_string());
                Ok(said
                    .filter(|said| {
                        let harmless = [shown_again, unseen, offline];
                        !harmless.iter().any(|words| said.contains(words))
                    })
                    .collect())
            }
            Kind::Firefox => {
                let script = "return Services.console.getMessageArray()
                    .filter((m) => m instanceof Ci.nsIScriptError && /^(https?:|$)/.test(m.sourceName)
                        && /javascript|Content Security Policy|Mixed Content|CSP|ServiceWorker|DOM:Security/i
                            .test(m.category)
                        && !(m.flags & 8))
                    .map((m) => `${m.sourceName}:${m.lineNumber} ${m.category}: ${m.errorMessage}`)";
                let found = self.in_the_parent(script).await?;
                let found = found.as_array().cloned().unwrap_or_default();
                Ok(found.iter().map(ToString::to_string).collect())
            }
        }
    }
}
