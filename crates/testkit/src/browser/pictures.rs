//! Screenshots of pages, and checks of what pages show.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::{Browser, Kind, until};
use crate::tools::target;

/// Runs axe-core. Animations are finished first, because the contrast of a colour in transition means nothing.
const AXE: &str = r"
    return (async () => {
        for (const animation of document.getAnimations()) animation.finish();
        const { violations } = await window.axe.run(document, { resultTypes: ['violations'], ...options });
        const said = (id) => (node) => `${id}: ${node.html.slice(0, 120)} ${node.failureSummary}`;
        return violations.flatMap(({ id, nodes }) => nodes.map(said(id)));
    })();
";

/// The window widths of a desktop and a phone, in CSS pixels.
const WIDTHS: [u32; 2] = [1280, 390];
const HEIGHT: u32 = 844;

/// Finds what no page may do: scroll sideways, have a field without a label or a button without a name, change the
/// order of the Tab key, and more.
const FAULTS: &str = r"
    const faults = [];
    const shown = (e) => e.checkVisibility() && e.type !== 'hidden';
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth)
        faults.push(`scrolls sideways: ${root.scrollWidth} in ${root.clientWidth}`);
    for (const field of document.querySelectorAll('input, select, textarea')) {
        if (shown(field) && !field.labels?.length && !field.ariaLabel)
            faults.push(`no label: ${field.outerHTML.slice(0, 90)}`);
    }
    for (const e of document.querySelectorAll('a, button')) {
        if (shown(e) && !e.textContent.trim() && !e.ariaLabel) faults.push(`no name: ${e.outerHTML.slice(0, 90)}`);
    }
    for (const image of document.querySelectorAll('img:not([alt])')) faults.push(`no alt: ${image.src}`);
    for (const e of document.querySelectorAll('[tabindex]'))
        if (e.tabIndex > 0) faults.push(`jumps: ${e.outerHTML.slice(0, 90)}`);
    const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`twice: #${id}`);
    if ([...document.querySelectorAll('h1')].filter(shown).length !== 1) faults.push('not one heading');
    if (root.lang !== arguments[0]) faults.push(`lang ${root.lang}`);
    return faults;
";

/// Finds what can be focused or pressed and yet is hidden, clipped, covered, or on phones lower than 44 pixels; a focus
/// ring that something cuts off; and Latin words that a line ends within.
const REACH: &str = r#"
    const faults = [];
    const isPhone = innerWidth < 500;
    const name = (e) => e.outerHTML.slice(0, 110).replace(/\s+/g, ' ');
    const before = { focus: document.activeElement, x: scrollX, y: scrollY };
    const cuts = (e, rect, room) => {
        for (let box = e.parentElement; box && box !== document.body; box = box.parentElement) {
            const style = getComputedStyle(box);
            const bounds = box.getBoundingClientRect();
            const isCut = (overflow, from, to, low, high) => overflow !== 'visible' && (from - room < low - 1 || to + room > high + 1)
                && !(/auto|scroll/.test(overflow) && (box.scrollHeight > box.clientHeight || box.scrollWidth > box.clientWidth));
            if (isCut(style.overflowX, rect.left, rect.right, bounds.left, bounds.right)
                || isCut(style.overflowY, rect.top, rect.bottom, bounds.top, bounds.bottom)) return box;
            if (style.position === 'fixed') return null;
        }
        return null;
    };
    const isInText = (e) => getComputedStyle(e).display === 'inline'
        && [...e.parentElement.childNodes].some((n) => n !== e && n.nodeType === 3 && n.textContent.trim().length > 1);
    const reached = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"], iframe';
    // Behind a modal dialog nothing can be reached.
    const dialog = document.querySelector('dialog:modal');
    for (const e of (dialog ?? document).querySelectorAll(reached)) {
        if (!e.checkVisibility({ visibilityProperty: true })) continue;
        // The button that Enter presses, for the keyboard alone; it can't be focused.
        if (e.tabIndex < 0 && e.ariaHidden === 'true') continue;
        if (e.disabled) continue;
        e.focus({ preventScroll: true, focusVisible: true });
        e.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' });
        const label = e.matches('[type=checkbox], [type=radio]') ? e.labels?.[0] : null;
        const target = label ?? e;
        const rect = target.getBoundingClientRect();
        const style = getComputedStyle(e);
        const own = e.getBoundingClientRect();
        const isSeen = e.checkVisibility({ opacityProperty: true });
        if (!isSeen || own.width < 8 || own.height < 8 || /inset\(50%/.test(style.clipPath)) { faults.push(`hidden: ${name(e)}`); continue; }
        if (isPhone && rect.height < 43.5 && !isInText(e)) faults.push(`${rect.height.toFixed(0)} px high: ${name(e)}`);
        const cutting = cuts(e, own, 0);
        if (cutting) faults.push(`clipped by ${name(cutting).slice(0, 40)}: ${name(e)}`);
        else if (e.matches(':focus')) {
            const ring = parseFloat(style.outlineWidth) + parseFloat(style.outlineOffset);
            const cut = style.outlineStyle === 'none' ? null : cuts(e, own, ring);
            if (cut) faults.push(`its focus ring is cut by ${name(cut).slice(0, 40)}: ${name(e)}`);
        }
        const first = e.getClientRects()[0];
        const hit = document.elementFromPoint(first.left + first.width / 2, first.top + first.height / 2);
        const isHit = hit && (e === hit || e.contains(hit) || (label && label.contains(hit)));
        // What shows itself once it is focused can't be judged where the browser gives it no focus.
        if (!hit && e.matches(':focus')) faults.push(`out of sight: ${name(e)}`);
        if (hit && !isHit) faults.push(`covered by ${name(hit).slice(0, 60)}: ${name(e)}`);
    }
    before.focus?.focus?.({ preventScroll: true });
    if (!before.focus || before.focus === document.body) document.activeElement?.blur?.();
    scrollTo({ left: before.x, top: before.y, behavior: 'instant' });
    const range = document.createRange();
    for (const e of document.querySelectorAll('h1, h2, h3, button, label, legend, th, summary, nav a, .button, .badge')) {
        if (!e.checkVisibility()) continue;
        const texts = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            const text = texts.currentNode;
            for (const { 0: word, index } of text.data.matchAll(/[A-Za-z]{2,20}/g)) {
                range.setStart(text, index);
                range.setEnd(text, index + word.length);
                const tops = new Set([...range.getClientRects()].map((r) => Math.round(r.top)));
                if (tops.size > 1) faults.push(`a line ends within “${word}”: ${name(e)}`);
            }
        }
    }
    return [...new Set(faults)];
"#;

/// Which rules of axe-core a page is checked against.
#[derive(Clone, Copy)]
enum Rules {
    All,
    /// The rules about colours. The others find the same in dark as in light.
    Colours,
}

impl Browser {
    /// Checks the page on a desktop and on a phone, in light and in dark, and stores screenshots of it as
    /// `target/screenshots/<browser>/<width>-<lang>-<page>.png`: both widths in light, the story's own width in dark
    /// (`-dark`).
    ///
    /// Both browsers get their colours from the same style sheet. Firefox is slow at screenshots, so except in long
    /// runs it takes only the one at the story's own width in light.
    ///
    /// # Errors
    /// The page has a fault.
    pub async fn picture(&self, page: &str) -> anyhow::Result<()> {
        let own = self.wishes.width;
        let is_long = std::env::var_os("SEKISHO_LONG").is_some();
        let takes_all = self.wishes.kind == Kind::Chromium || is_long;
        for width in WIDTHS.into_iter().filter(|width| *width != own) {
            self.resize(width).await?;
            self.check(page, width, takes_all).await?;
        }
        self.resize(own).await?;
        self.check(page, own, true).await?;
        self.check_with_axe(page, Rules::All).await?;
        if !takes_all {
            return Ok(());
        }
        let page = format!("{page}-dark");
        self.dark(true).await?;
        let checked = async {
            self.check(&page, own, true).await?;
            self.check_with_axe(&page, Rules::Colours).await
        };
        let checked = checked.await;
        self.dark(false).await?;
        checked
    }

    async fn check(&self, page: &str, width: u32, takes_screenshot: bool) -> anyhow::Result<()> {
        let lang = self.wishes.lang;
        let faults = self.run(FAULTS, vec![json!(lang)]).await?;
        let beyond_reach = self.run(REACH, Vec::new()).await?;
        if takes_screenshot {
            let folder = self.folder();
            std::fs::create_dir_all(&folder)?;
            let file = folder.join(format!("{width}-{lang}-{page}.png"));
            self.capture(&file).await?;
        }
        for faults in [faults, beyond_reach] {
            let is_free = faults.as_array().is_some_and(Vec::is_empty);
            ensure!(is_free, "{page} at {width} pixels: {faults:#}");
        }
        Ok(())
    }

    /// Fails if axe-core reports violations of WCAG 2.2 level AA or of its best practices. axe-core runs as a script of
    /// the page, so pages without scripts are not checked.
    async fn check_with_axe(&self, page: &str, rules: Rules) -> anyhow::Result<()> {
        if !self.wishes.scripts {
            return Ok(());
        }
        let has_it = self.run("return Boolean(window.axe)", Vec::new()).await?;
        let axe = if has_it == true {
            String::new()
        } else {
            let path = target().join("tools/node_modules/axe-core/axe.min.js");
            std::fs::read_to_string(&path).with_context(|| {
                format!("{} is missing: ./scripts/test installs it", path.display())
            })?
        };
        let options = match rules {
            Rules::All => "{}",
            Rules::Colours => "{ runOnly: ['color-contrast', 'link-in-text-block'] }",
        };
        let script = format!("{axe}; const options = {options}; {AXE}");
        let violations = self.run(&script, Vec::new()).await?;
        let is_free = violations.as_array().is_some_and(Vec::is_empty);
        ensure!(is_free, "{page}: {violations:#}");
        Ok(())
    }

    /// Writes a WebP picture of the page's content to `file`, for the guide. Only Chromium can.
    ///
    /// # Errors
    /// The file can't be written.
    pub async fn keep_picture(&self, file: &Path) -> anyhow::Result<()> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // Up to the lowest element, because the page itself is at least as high as the window.
        let end = "const ends = [...document.querySelector('main').children]
            .filter((e) => e.checkVisibility())
            .map((e) => e.getBoundingClientRect().bottom);
            return Math.ceil(Math.max(...ends) + scrollY + 16)";
        let height = self.run(end, Vec::new()).await?;
        let clip =
            json!({ "x": 0, "y": 0, "width": self.wishes.width, "height": height, "scale": 1 });
        let whole =
            json!({ "format": "webp", "quality": 80, "captureBeyondViewport": true, "clip": clip });
        let picture = self.devtools("Page.captureScreenshot", whole).await?;
        let picture = picture["data"].as_str().context("a picture")?;
        Ok(std::fs::write(file, BASE64_STANDARD.decode(picture)?)?)
    }

    /// Writes a text to a file under `target/`.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn keep_text(name: &str, text: &str) -> anyhow::Result<()> {
        Ok(std::fs::write(target().join(name), text)?)
    }

    /// Takes a picture of the page on which a story failed, and returns its file.
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

    /// Sets the width of the page, in CSS pixels.
    pub(super) async fn resize(&self, width: u32) -> anyhow::Result<()> {
        if self.wishes.kind == Kind::Chromium {
            let size = json!({ "width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": false });
            return self
                .devtools("Emulation.setDeviceMetricsOverride", size)
                .await
                .map(drop);
        }
        // Firefox's own toolbars demand 500 pixels.
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
                let preference = "layout.css.prefers-color-scheme.content-override";
                let set = format!("Services.prefs.setIntPref('{preference}', {number})");
                self.in_the_parent(&set).await?;
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
                let whole = json!({
                    "format": "png",
                    "captureBeyondViewport": true,
                    "optimizeForSpeed": true,
                });
                self.devtools("Page.captureScreenshot", whole).await?["data"].take()
            }
            Kind::Firefox => self.ask("moz/screenshot/full", Value::Null).await?,
        };
        let picture = picture.as_str().context("a picture")?;
        std::fs::write(file, BASE64_STANDARD.decode(picture)?)?;
        Ok(())
    }

    fn folder(&self) -> PathBuf {
        target().join("screenshots").join(self.wishes.kind.name())
    }
}
