//! WebDriver commands that only one of the drivers knows.

use anyhow::ensure;
use fantoccini::wd::WebDriverCompatibleCommand;
use hyper::Method;
use serde_json::{Value, json};
use url::Url;

use super::{Browser, Kind};

impl Browser {
    /// Sends a command that only this browser's driver knows.
    pub(super) async fn ask(&self, path: &'static str, body: Value) -> anyhow::Result<Value> {
        let command = Own { path, body };
        Ok(self.client.issue_cmd(command).await?)
    }

    /// Runs a script in Firefox's parent process instead of the page.
    pub(super) async fn in_the_parent(&self, script: &str) -> anyhow::Result<Value> {
        ensure!(self.wishes.kind == Kind::Firefox, "Firefox alone has that");
        self.ask("moz/context", json!({ "context": "chrome" }))
            .await?;
        let result = self.run(script, Vec::new()).await;
        self.ask("moz/context", json!({ "context": "content" }))
            .await?;
        result
    }

    /// Sends a command of Chromium's DevTools protocol.
    pub(super) async fn devtools(&self, command: &str, parameters: Value) -> anyhow::Result<Value> {
        let body = json!({ "cmd": command, "params": parameters });
        self.ask("goog/cdp/execute", body).await
    }
}

/// A command that only one driver knows. Without a body it is a GET.
#[derive(Debug)]
struct Own {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        if self.body.is_null() {
            (Method::GET, None)
        } else {
            (Method::POST, Some(self.body.to_string()))
        }
    }
}
