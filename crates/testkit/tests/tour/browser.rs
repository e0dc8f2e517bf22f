//! A real browser in the test's hand.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;

/// How long a page may take to become what a story waits for: an app's next code comes within 30 s.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(50);

/// Which browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Chromium,
    Firefox,
}

/// A running browser with its driver.
pub struct Browser {
    client: Client,
    driver: Driver,
    kind: Kind,
}

/// The driver's process; it ends with this.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Browser {
    /// Starts a headless browser.
    pub async fn start(kind: Kind) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let (program, capabilities) = match kind {
            Kind::Chromium => (
                "chromedriver",
                json!({"browserName": "chrome", "goog:chromeOptions": {"binary": "/usr/bin/chromium", "args": [
                    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
                    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--accept-lang=en"
                ]}}),
            ),
            Kind::Firefox => (
                "geckodriver",
                json!({"browserName": "firefox", "moz:firefoxOptions": {"args": ["-headless"], "prefs": {"intl.accept_languages": "en"}}}),
            ),
        };
        let child = Command::new(program)
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| {
                format!("{program} is not there: ./scripts/test installs what the tests need")
            })?;
        let driver = Driver(child);
        let serde_json::Value::Object(capabilities) = capabilities else {
            bail!("capabilities are an object");
        };
        let began = Instant::now();
        let client = loop {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(capabilities.clone());
            match builder.connect(&format!("http://127.0.0.1:{port}")).await {
                Ok(client) => break client,
                Err(error) if began.elapsed() > PATIENCE => {
                    return Err(error).context("starting the browser");
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        };
        Ok(Self {
            client,
            driver,
            kind,
        })
    }

    /// Ends browser and driver.
    pub async fn close(self) {
        // A browser that is gone already needs no closing; the driver is ended either way.
        let _ = self.client.close().await;
        drop(self.driver);
    }

    /// Opens an address.
    pub async fn go(&self, url: &str) -> anyhow::Result<()> {
        Ok(self.client.goto(url).await?)
    }

    /// Loads the page again.
    pub async fn reload(&self) -> anyhow::Result<()> {
        Ok(self.client.refresh().await?)
    }

    /// Opens an address in a tab of its own and goes there; returns which tab was left.
    pub async fn open_tab(&self, url: &str) -> anyhow::Result<usize> {
        let left = self.tab().await?;
        let tab = self.client.new_window(true).await?;
        self.client.switch_to_window(tab.handle).await?;
        self.go(url).await?;
        Ok(left)
    }

    /// Goes to a tab; returns which one was left.
    pub async fn switch_back(&self, tab: usize) -> anyhow::Result<usize> {
        let left = self.tab().await?;
        let windows = self.client.windows().await?;
        let window = windows.into_iter().nth(tab).context("no such tab")?;
        self.client.switch_to_window(window).await?;
        Ok(left)
    }

    async fn tab(&self) -> anyhow::Result<usize> {
        let here = self.client.window().await?;
        let windows = self.client.windows().await?;
        windows.iter().position(|w| *w == here).context("no tab")
    }

    /// Types into a field, in place of what is there.
    pub async fn fill(&self, css: &str, text: &str) -> anyhow::Result<()> {
        self.try_again(css, async || {
            let field = self.client.find(Locator::Css(css)).await?;
            field.clear().await?;
            field.send_keys(text).await
        })
        .await
    }

    /// Clicks an element.
    pub async fn click(&self, css: &str) -> anyhow::Result<()> {
        self.try_again(css, async || {
            self.client.find(Locator::Css(css)).await?.click().await
        })
        .await
    }

    /// Presses the button or link that bears this label.
    pub async fn press(&self, label: &str) -> anyhow::Result<()> {
        let path = format!(
            "(//main|//footer|//body)//*[self::button or self::a][normalize-space()='{label}']"
        );
        self.try_again(label, async || {
            self.client.find(Locator::XPath(&path)).await?.click().await
        })
        .await
    }

    /// The text of an element, as a person sees it.
    pub async fn text(&self, css: &str) -> anyhow::Result<String> {
        Ok(self.client.find(Locator::Css(css)).await?.text().await?)
    }

    /// Waits until the text of an element is what is wanted, and returns it.
    pub async fn wait_for_text(
        &self,
        css: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> anyhow::Result<String> {
        let began = Instant::now();
        loop {
            let text = self.text(css).await.unwrap_or_default();
            if wanted(&text) {
                return Ok(text);
            }
            if began.elapsed() > PATIENCE {
                bail!("{css} does not become what is waited for; it says {text:?}");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What a field holds.
    pub async fn value(&self, css: &str) -> anyhow::Result<String> {
        let field = self.client.find(Locator::Css(css)).await?;
        Ok(field.prop("value").await?.unwrap_or_default())
    }

    /// As [`Self::wait_for_text`], loading the page again in between, for what comes without being asked for.
    pub async fn wait_for_text_or_reload(
        &self,
        css: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        while !wanted(&self.text(css).await.unwrap_or_default()) {
            if began.elapsed() > PATIENCE {
                bail!("{css} does not become what is waited for");
            }
            self.reload().await?;
        }
        Ok(())
    }

    /// Waits until the page's path begins so.
    pub async fn wait_for_path(&self, wanted: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let url = self.client.current_url().await?;
            if url.path().starts_with(wanted) {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                bail!("{url} is not {wanted}");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Makes the window so wide and high, in CSS pixels of the page.
    pub async fn resize(&self, (width, height): (u32, u32)) -> anyhow::Result<()> {
        self.client.set_window_size(width, height).await?;
        let inner = self
            .client
            .execute("return [innerWidth, innerHeight]", Vec::new())
            .await?;
        let short = |index: usize, wanted: u32| {
            let inner = inner
                .get(index)
                .and_then(serde_json::Value::as_u64)
                .unwrap_or(0);
            wanted + wanted.saturating_sub(u32::try_from(inner).unwrap_or(wanted))
        };
        Ok(self
            .client
            .set_window_size(short(0, width), short(1, height))
            .await?)
    }

    /// Whether the page is wider than its window.
    pub async fn scrolls_sideways(&self) -> anyhow::Result<bool> {
        let script = "return document.documentElement.scrollWidth > innerWidth";
        Ok(self.client.execute(script, Vec::new()).await? == serde_json::Value::Bool(true))
    }

    /// Keeps a picture of the window under `target/screenshots/`.
    pub async fn keep_screenshot(&self, name: &str) -> anyhow::Result<()> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../target/screenshots")
            .join(format!("{:?}", self.kind).to_lowercase());
        std::fs::create_dir_all(&folder)?;
        let picture = self.client.screenshot().await?;
        Ok(std::fs::write(folder.join(format!("{name}.png")), picture)?)
    }

    /// Does something once the page lets it: elements come, move and go while a page loads.
    async fn try_again(
        &self,
        what: &str,
        act: impl AsyncFn() -> Result<(), CmdError>,
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            match act().await {
                Ok(()) => return Ok(()),
                Err(error) if began.elapsed() > PATIENCE => {
                    return Err(error).with_context(|| what.to_owned());
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}
