//! Pictures of pages, and what can be checked of a page by looking at it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::{Browser, Kind, until};

/// A desktop's and a phone's window.
const WIDTHS: [u32; 2] = [1280, 390];
const HEIGHT: u32 = 844;

/// What no page may do, checked on each that is pictured: scroll sideways, have a field without a label or a button without a name, jump about with the Tab key.
const FAULTS: &str = r"
    const faults = [];
    const shown = (e) => e.checkVisibility() && e.type !== 'hidden';
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) faults.push(`scrolls sideways: ${root.scrollWidth} in ${root.clientWidth}`);
    for (const field of document.querySelectorAll('input, select, textarea')) {
        if (shown(field) && !field.labels?.length && !field.ariaLabel) faults.push(`no label: ${field.outerHTML.slice(0, 90)}`);
    }
    for (const e of document.querySelectorAll('a, button')) {
        if (shown(e) && !e.textContent.trim() && !e.ariaLabel) faults.push(`no name: ${e.outerHTML.slice(0, 90)}`);
    }
    for (const image of document.querySelectorAll('img:not([alt])')) faults.push(`no alt: ${image.src}`);
    for (const e of document.querySelectorAll('[tabindex]')) if (e.tabIndex > 0) faults.push(`jumps: ${e.outerHTML.slice(0, 90)}`);
    const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`twice: #${id}`);
    if ([...document.querySelectorAll('h1')].filter(shown).length !== 1) faults.push('not one heading');
    if (root.lang !== arguments[0]) faults.push(`lang ${root.lang}`);
    return faults;
";

impl Browser {
    /// Keeps pictures of the whole page as it is on a desktop and on a phone, as `target/screenshots/<browser>/<width>-<lang>-<page>.png`, and looks for faults in both.
    ///
    /// # Errors
    /// The page has a fault.
    pub async fn picture(&self, page: &str) -> anyhow::Result<()> {
        let wishes = self.wishes;
        let folder = self.folder();
        std::fs::create_dir_all(&folder)?;
        for width in WIDTHS {
            self.resize(width).await?;
            let faults = self.run(FAULTS, vec![json!(wishes.lang)]).await?;
            let file = folder.join(format!("{width}-{}-{page}.png", wishes.lang));
            self.capture(&file).await?;
            let is_free = faults.as_array().is_some_and(Vec::is_empty);
            ensure!(is_free, "{page} at {width} pixels: {faults}");
        }
        self.resize(wishes.width).await
    }

    /// Keeps pictures of the page in its dark colours, as `<width>-<lang>-<page>-dark.png`.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn picture_in_the_dark(&self, page: &str) -> anyhow::Result<()> {
        self.dark(true).await?;
        let pictured = self.picture(&format!("{page}-dark")).await;
        self.dark(false).await?;
        pictured
    }

    /// Keeps a picture of where a story failed.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn picture_of_failure(&self, story: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder();
        std::fs::create_dir_all(&folder)?;
        let file = folder.join(format!("failed-{}-{story}.png", self.wishes.lang));
        self.capture(&file).await?;
        Ok(file)
    }

    /// Makes the page as wide as that.
    pub(super) async fn resize(&self, width: u32) -> anyhow::Result<()> {
        if self.wishes.kind == Kind::Chromium {
            let size = json!({ "width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": false });
            return self
                .devtools("Emulation.setDeviceMetricsOverride", size)
                .await
                .map(drop);
        }
        // Firefox' own bars ask for 500 pixels.
        self.in_the_parent("document.documentElement.style.minWidth = 0")
            .await?;
        self.client.set_window_size(width, HEIGHT).await?;
        let is_so = until(async || {
            let inner = self.run("return window.innerWidth", Vec::new()).await?;
            Ok((inner == width).then_some(()))
        });
        is_so.await?.context("the window keeps its size")
    }

    async fn dark(&self, on: bool) -> anyhow::Result<()> {
        let scheme = if on { "dark" } else { "light" };
        match self.wishes.kind {
            Kind::Chromium => {
                let media =
                    json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
                self.devtools("Emulation.setEmulatedMedia", media).await?;
            }
            Kind::Firefox => {
                let number = u8::from(!on);
                self.in_the_parent(&format!("Services.prefs.setIntPref('layout.css.prefers-color-scheme.content-override', {number})")).await?;
            }
        }
        let is_so = until(async || {
            let query = format!("return matchMedia('(prefers-color-scheme: {scheme})').matches");
            Ok((self.run(&query, Vec::new()).await? == true).then_some(()))
        });
        is_so.await?.context("the colours stay")
    }

    async fn capture(&self, file: &Path) -> anyhow::Result<()> {
        let picture = match self.wishes.kind {
            Kind::Chromium => {
                let whole = json!({ "format": "png", "captureBeyondViewport": true });
                self.devtools("Page.captureScreenshot", whole).await?["data"].take()
            }
            Kind::Firefox => self.ask("moz/screenshot/full", Value::Null).await?,
        };
        let picture = picture.as_str().context("a picture")?;
        std::fs::write(file, BASE64_STANDARD.decode(picture)?)?;
        Ok(())
    }

    async fn devtools(&self, command: &str, parameters: Value) -> anyhow::Result<Value> {
        let body = json!({ "cmd": command, "params": parameters });
        self.ask("goog/cdp/execute", body).await
    }

    fn folder(&self) -> PathBuf {
        // The tests run in `target/<profile>/deps`, wherever `target` is.
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
            PathBuf::from,
        );
        target.join("screenshots").join(self.wishes.kind.name())
    }
}
