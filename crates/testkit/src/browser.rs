//! A real browser, Chromium or Firefox, used as a person does: it reads, types, presses, and waits until the page shows
//! what is expected.
//!
//! Every wait is for a condition, never for a fixed time. A condition that does not hold after [`PATIENCE`] is an error
//! that says what was awaited, and where.
//!
//! In reading order: [`Browser`] is what stories use. `wishes` are its settings, and `driver` starts it. `waits` and
//! `commands` carry out its steps; `pictures` and `console` check pages; `decisions` makes decisions in place of the
//! browser; `effort` counts what a person does.

mod commands;
mod console;
mod decisions;
mod driver;
mod effort;
mod pictures;
mod waits;
mod wishes;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::wd::WindowHandle;
use fantoccini::{Client, Locator};
use serde_json::{Value, json};
use url::Url;

use driver::Driver;
pub use effort::Effort;
pub use waits::{PATIENCE, until};
use waits::{absent_is_none, is_transient};
pub use wishes::{Kind, Wishes};

/// A running browser with one window.
pub struct Browser {
    client: Client,
    wishes: Wishes,
    driver: Driver,
    effort: Mutex<Effort>,
}

impl Browser {
    /// Starts a browser with an empty profile.
    ///
    /// # Errors
    /// The browser or its driver is missing or does not start.
    pub async fn start(wishes: Wishes) -> anyhow::Result<Self> {
        let driver = Driver::start(wishes.kind).await?;
        let client = driver.browser(wishes).await?;
        let browser = Self {
            client,
            wishes,
            driver,
            effort: Mutex::default(),
        };
        browser.resize(wishes.width).await?;
        browser.decide().await?;
        Ok(browser)
    }

    /// Ends the browser.
    ///
    /// # Errors
    /// The browser is gone already.
    pub async fn close(&self) -> anyhow::Result<()> {
        Ok(self.client.clone().close().await?)
    }

    /// What the person has done since the last call.
    pub fn take_effort(&self) -> Effort {
        std::mem::take(&mut self.effort.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn costs(&self, pointings: u32, keys: usize) {
        let mut effort = self.effort.lock().unwrap_or_else(PoisonError::into_inner);
        effort.steps += 1;
        effort.pointings += pointings;
        effort.keys += u32::try_from(keys).unwrap_or(u32::MAX);
    }

    /// The settings that it was started with.
    #[must_use]
    pub fn wishes(&self) -> Wishes {
        self.wishes
    }

    /// Opens a URL.
    ///
    /// # Errors
    /// Nobody answers there.
    pub async fn open(&self, url: &str) -> anyhow::Result<()> {
        let opened = self.client.goto(url).await;
        opened.with_context(|| format!("opening {url}"))
    }

    /// The URL of the page.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn address(&self) -> anyhow::Result<Url> {
        Ok(self.client.current_url().await?)
    }

    /// Reloads the page.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn reload(&self) -> anyhow::Result<()> {
        Ok(self.client.refresh().await?)
    }

    /// Deletes the cookies of the page's site.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn delete_cookies(&self) -> anyhow::Result<()> {
        Ok(self.client.delete_all_cookies().await?)
    }

    /// Leaves the page and goes back to it, which fetches it again, as when a phone has discarded it.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn discard(&self) -> anyhow::Result<()> {
        let was = self.address().await?;
        self.client.goto("about:blank").await?;
        self.client.back().await?;
        let is_back = until(async || Ok((self.address().await? == was).then_some(()))).await;
        self.explain(is_back, || format!("come back to {was}"))
            .await
    }

    /// Waits for a tab other than those known, and switches to it.
    ///
    /// # Errors
    /// None opens.
    pub async fn go_to_new_tab(&self, known: &[&WindowHandle]) -> anyhow::Result<WindowHandle> {
        let opened = until(async || {
            let tabs = self.client.windows().await?;
            Ok(tabs.into_iter().find(|tab| !known.contains(&tab)))
        })
        .await;
        let tab = self.explain(opened, || "find a new tab".to_owned()).await?;
        self.go_to_tab(&tab).await?;
        self.resize(self.wishes.width).await?;
        self.decide_here().await?;
        Ok(tab)
    }

    /// Opens a URL in a new tab and switches to it.
    ///
    /// # Errors
    /// Nobody answers there.
    pub async fn open_tab(&self, url: &str) -> anyhow::Result<WindowHandle> {
        let tab = self.client.new_window(true).await?.handle;
        self.go_to_tab(&tab).await?;
        self.resize(self.wishes.width).await?;
        self.decide().await?;
        self.open(url).await?;
        Ok(tab)
    }

    /// The current tab.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn tab(&self) -> anyhow::Result<WindowHandle> {
        Ok(self.client.window().await?)
    }

    /// Switches to a tab, without counting effort.
    ///
    /// # Errors
    /// There is no such tab.
    pub async fn go_to_tab(&self, tab: &WindowHandle) -> anyhow::Result<()> {
        Ok(self.client.switch_to_window(tab.clone()).await?)
    }

    /// Waits until an element is visible, and returns its text.
    ///
    /// # Errors
    /// It does not appear.
    pub async fn see(&self, css: &str) -> anyhow::Result<String> {
        self.with(css, "see", async |element| element.text().await)
            .await
    }

    /// Waits until a visible element contains a text.
    ///
    /// # Errors
    /// It does not; the error says what the element contains instead.
    pub async fn read(&self, css: &str, text: &str) -> anyhow::Result<()> {
        let mut last = String::new();
        let found = until(async || {
            last = self.seen(css).await?.unwrap_or_default();
            Ok(last.contains(text).then_some(()))
        })
        .await;
        self.explain(found, || format!("{css} with {text:?}; it says {last:?}"))
            .await
    }

    /// The text of an element now; `None` if it is not visible.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn seen(&self, css: &str) -> anyhow::Result<Option<String>> {
        let look = async {
            let element = self.client.find(Locator::Css(css)).await?;
            Ok(if element.is_displayed().await? {
                Some(element.text().await?)
            } else {
                None
            })
        };
        absent_is_none(look.await)
    }

    /// The number of elements that match.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn count(&self, css: &str) -> anyhow::Result<usize> {
        Ok(self.client.find_all(Locator::Css(css)).await?.len())
    }

    /// The position of the first matching element that contains a text, counted from 1.
    ///
    /// # Errors
    /// None does.
    pub async fn which(&self, css: &str, text: &str) -> anyhow::Result<usize> {
        self.see(css).await?;
        for (place, element) in (1..).zip(self.client.find_all(Locator::Css(css)).await?) {
            if element.text().await?.contains(text) {
                return Ok(place);
            }
        }
        bail!("no {css} with {text:?} at {}", self.address().await?)
    }

    /// A property of a visible element, such as `value`; empty if it is not set.
    ///
    /// # Errors
    /// The element does not appear.
    pub async fn property(&self, css: &str, name: &str) -> anyhow::Result<String> {
        let value = self
            .with(css, "see", async |element| element.prop(name).await)
            .await?;
        Ok(value.unwrap_or_default())
    }

    /// Replaces the text of a field by typing.
    ///
    /// # Errors
    /// There is no such field.
    pub async fn fill(&self, css: &str, text: &str) -> anyhow::Result<()> {
        let has_focus = "return document.activeElement?.matches(arguments[0]) ?? false";
        let has_focus = self.run(has_focus, vec![json!(css)]).await? == true;
        self.costs(u32::from(!has_focus), text.chars().count());
        self.with(css, "fill", async |element| {
            element.clear().await?;
            element.send_keys(text).await
        })
        .await
    }

    /// Replaces the text of a field by pasting, which counts as two keys however long the text is.
    ///
    /// # Errors
    /// There is no such field.
    pub async fn paste(&self, css: &str, text: &str) -> anyhow::Result<()> {
        let before = *self.effort.lock().unwrap_or_else(PoisonError::into_inner);
        self.fill(css, text).await?;
        let mut effort = self.effort.lock().unwrap_or_else(PoisonError::into_inner);
        effort.keys = before.keys + 2;
        Ok(())
    }

    /// Switches to a tab as a person does on one device, which counts as pointing once.
    ///
    /// # Errors
    /// There is no such tab.
    pub async fn switch_to_tab(&self, tab: &WindowHandle) -> anyhow::Result<()> {
        self.costs(1, 0);
        self.go_to_tab(tab).await
    }

    /// Clicks an element that does not lead to another page.
    ///
    /// # Errors
    /// There is no such element.
    pub async fn click(&self, css: &str) -> anyhow::Result<()> {
        self.costs(1, 0);
        self.with(css, "click", async |element| element.click().await)
            .await
    }

    /// Clicks an element that leads to another page, and waits for that page.
    ///
    /// # Errors
    /// There is no such element, or no other page comes.
    pub async fn press(&self, css: &str) -> anyhow::Result<()> {
        let before = self.client.find(Locator::Css("html")).await?;
        self.click(css).await?;
        self.turned(&before, css).await
    }

    /// Types a key, such as Tab or Enter, into the focused element. With `leads`, waits for another page.
    ///
    /// # Errors
    /// Nothing has the focus, or no other page comes.
    pub async fn key(&self, key: fantoccini::key::Key, leads: bool) -> anyhow::Result<()> {
        let before = self.client.find(Locator::Css("html")).await?;
        let focus = self.client.active_element().await?;
        focus.send_keys(&char::from(key).to_string()).await?;
        if leads {
            self.turned(&before, "the focus").await?;
        }
        Ok(())
    }

    /// Types a text into the focused element.
    ///
    /// # Errors
    /// Nothing has the focus.
    pub async fn type_blind(&self, text: &str) -> anyhow::Result<()> {
        let focus = self.client.active_element().await?;
        Ok(focus.send_keys(text).await?)
    }

    /// A property of the focused element; empty if it is not set.
    ///
    /// # Errors
    /// Nothing has the focus.
    pub async fn focused(&self, property: &str) -> anyhow::Result<String> {
        let focus = self.client.active_element().await?;
        Ok(focus.prop(property).await?.unwrap_or_default())
    }

    /// The text of an element inside a frame, and how many `script` elements the frame's document has.
    ///
    /// # Errors
    /// There is no such frame or element.
    pub async fn framed(&self, css: &str, inside: &str) -> anyhow::Result<(String, usize)> {
        self.see(css).await?;
        let frame = self.client.find(Locator::Css(css)).await?;
        frame.enter_frame().await?;
        let found =
            async { anyhow::Ok((self.see(inside).await?, self.count("script").await?)) }.await;
        self.client.enter_parent_frame().await?;
        found
    }

    /// Runs a script in the page and returns its result.
    ///
    /// # Errors
    /// The script fails.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> anyhow::Result<Value> {
        Ok(self.client.execute(script, arguments).await?)
    }

    /// Runs a script in every page from now on, before the page's own scripts. Only Chromium can.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn before_every_page(&self, script: &str) -> anyhow::Result<()> {
        self.devtools(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({ "source": script }),
        )
        .await
        .map(drop)
    }

    /// Waits until a file whose name has this ending is downloaded completely, and returns its content.
    ///
    /// # Errors
    /// None arrives.
    pub async fn downloaded(&self, ending: &str) -> anyhow::Result<Vec<u8>> {
        let folder = self.driver.downloads();
        let found = until(async || {
            let files: Vec<PathBuf> = std::fs::read_dir(&folder)?
                .map(|entry| Ok(entry?.path()))
                .collect::<std::io::Result<_>>()?;
            // An unfinished download has another file, with one of these extensions, beside it.
            let is_coming = files.iter().any(|file| {
                matches!(
                    file.extension().and_then(|e| e.to_str()),
                    Some("part" | "crdownload" | "tmp")
                )
            });
            let whole = files
                .iter()
                .find(|file| file.to_string_lossy().ends_with(ending));
            let bytes = whole.map(std::fs::read).transpose()?;
            Ok(bytes.filter(|bytes| !is_coming && !bytes.is_empty()))
        })
        .await;
        self.explain(found, || format!("a download that ends with {ending}"))
            .await
    }

    async fn with<T>(
        &self,
        css: &str,
        doing: &str,
        act: impl AsyncFn(Element) -> Result<T, CmdError>,
    ) -> anyhow::Result<T> {
        let mut last = String::new();
        let done = until(async || {
            let attempt = async {
                let element = self.client.find(Locator::Css(css)).await?;
                if element.is_displayed().await? {
                    act(element).await.map(Some)
                } else {
                    Ok(None)
                }
            };
            match attempt.await {
                Err(error) if is_transient(&error) => {
                    last = error.to_string();
                    Ok(None)
                }
                other => Ok(other?),
            }
        })
        .await;
        self.explain(done, || format!("{doing} {css} {last}")).await
    }

    /// Waits until the page with the element `before` is gone and the next one has a body.
    async fn turned(&self, before: &Element, by: &str) -> anyhow::Result<()> {
        let gone = until(async || match before.tag_name().await {
            Ok(_) => Ok(None),
            Err(error) if is_transient(&error) => Ok(Some(())),
            Err(error) => Err(error.into()),
        })
        .await;
        self.explain(gone, || format!("another page after {by}"))
            .await?;
        self.see("body").await.map(drop)
    }

    /// What was found; or an error that says what was awaited, and on which page.
    async fn explain<T>(
        &self,
        found: anyhow::Result<Option<T>>,
        what: impl FnOnce() -> String,
    ) -> anyhow::Result<T> {
        match found {
            Ok(Some(found)) => Ok(found),
            Ok(None) => bail!("waited in vain to {} at {}", what(), self.address().await?),
            Err(error) => Err(error.context(what())),
        }
    }
}
