//! A minimal visitor of web pages over plain sockets: keeps cookies, follows redirects, and submits the forms of the
//! page that it is on.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The most redirects that are followed in a row.
const REDIRECTS: usize = 10;

/// A server's answer.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// The header fields, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
}

impl Page {
    /// The value of the first header field with this name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let field = self.headers.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| value.as_str())
    }

    /// The text that a person reads: without tags, with entities resolved and white space collapsed.
    #[must_use]
    pub fn words(&self) -> String {
        let text = unescaped(&bare(&self.body, " "));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The text from the first tag that begins with `tag` to `end`, without tags.
    #[must_use]
    pub fn within(&self, tag: &str, end: &str) -> Option<String> {
        let from = self.body.split_once(tag)?.1.split_once('>')?.1;
        Some(unescaped(&bare(from.split_once(end)?.0, "")))
    }

    /// The target and the hidden fields of the form whose target is `action`, not counting its query.
    fn form(&self, action: &str) -> Option<(String, Vec<(String, String)>)> {
        self.body.split("<form").skip(1).find_map(|form| {
            let (head, rest) = form.split_once('>')?;
            let target = attribute(head, "action")?;
            if target.split('?').next() != Some(action) {
                return None;
            }
            let inputs = rest.split("</form>").next()?.split("<input").skip(1);
            let hidden = inputs.filter_map(|input| {
                let head = input.split('>').next()?;
                let value = attribute(head, "value").unwrap_or_default();
                (attribute(head, "type")? == "hidden").then_some((attribute(head, "name")?, value))
            });
            Some((target, hidden.collect()))
        })
    }
}

/// A visitor at one origin.
#[derive(Debug, Clone)]
pub struct Visitor {
    origin: String,
    cookies: BTreeMap<String, String>,
    extra: Vec<(String, String)>,
    /// The path of the last page.
    pub path: String,
    /// The last page.
    pub page: Page,
}

impl Visitor {
    /// A visitor without cookies, for an origin such as `http://127.0.0.1:8601`.
    #[must_use]
    pub fn new(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            cookies: BTreeMap::new(),
            extra: Vec::new(),
            path: "/".to_owned(),
            page: Page::default(),
        }
    }

    /// Continues at another node with the same cookies, as a load balancer may decide.
    pub fn is_sent_to(&mut self, origin: &str) {
        origin.clone_into(&mut self.origin);
    }

    /// Sets a header field that every request from now on carries.
    pub fn always_send(&mut self, name: &str, value: &str) {
        self.extra.retain(|(known, _)| known != name);
        self.extra.push((name.to_owned(), value.to_owned()));
    }

    /// The values of all cookies.
    #[must_use]
    pub fn cookies(&self) -> Vec<String> {
        self.cookies.values().cloned().collect()
    }

    /// Opens a page, and follows redirects.
    ///
    /// # Errors
    /// Nobody answers, or the answer is not HTTP.
    pub async fn open(&mut self, path: &str) -> anyhow::Result<&Page> {
        let answer = self.request("GET", path, "").await?;
        self.arrive(path, answer).await
    }

    /// Submits the form of the page that goes to `action`, with its hidden fields.
    ///
    /// # Errors
    /// The page has no such form; otherwise as [`Self::open`].
    pub async fn submit(&mut self, action: &str, fields: &[(&str, &str)]) -> anyhow::Result<&Page> {
        let (target, hidden) = self.page.form(action).with_context(|| {
            format!(
                "{} has no form for {action}: {}",
                self.path,
                self.page.words()
            )
        })?;
        let hidden = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let hidden = hidden.filter(|(name, _)| fields.iter().all(|(own, _)| own != name));
        let body = encoded(hidden.chain(fields.iter().copied()));
        let answer = self.request("POST", &target, &body).await?;
        self.arrive(&target, answer).await
    }

    /// Sends a request without following redirects.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn request(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<Page> {
        let host = self
            .origin
            .strip_prefix("http://")
            .context("an origin in plain HTTP")?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        if !cookies.is_empty() {
            head.push_str(&format!("Cookie: {}\r\n", cookies.join("; ")));
        }
        for (name, value) in &self.extra {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if method == "POST" {
            head.push_str(&format!(
                "Origin: {}\r\nSec-Fetch-Site: same-origin\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                self.origin,
                body.len()
            ));
        }
        let mut stream = TcpStream::connect(host).await?;
        stream
            .write_all(format!("{head}\r\n{body}").as_bytes())
            .await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        let page = parse(&bytes)?;
        for (_, cookie) in page.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = cookie.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').context("a cookie")?;
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(page)
    }

    async fn arrive(&mut self, path: &str, answer: Page) -> anyhow::Result<&Page> {
        let (mut path, mut page) = (path.to_owned(), answer);
        let mut redirects = 0;
        while (300..400).contains(&page.status) {
            redirects += 1;
            ensure!(
                redirects <= REDIRECTS,
                "redirects without end, at last to {path}"
            );
            path = page
                .header("location")
                .context("a redirect to somewhere")?
                .to_owned();
            page = self.request("GET", &path, "").await?;
        }
        (self.path, self.page) = (path, page);
        Ok(&self.page)
    }
}

fn parse(bytes: &[u8]) -> anyhow::Result<Page> {
    let end = bytes
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .context("an HTTP head")?;
    let (head, rest) = (String::from_utf8_lossy(&bytes[..end]), &bytes[end + 4..]);
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|l| l.split(' ').nth(1))
        .context("a status")?
        .parse()?;
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let chunked = headers
        .iter()
        .any(|(n, v)| n == "transfer-encoding" && v == "chunked");
    let body = if chunked {
        unchunked(rest)?
    } else {
        rest.to_vec()
    };
    Ok(Page {
        status,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

fn unchunked(mut rest: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest
            .windows(2)
            .position(|w| w == b"\r\n")
            .context("a chunk's length")?;
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line])?, 16)?;
        rest = &rest[line + 2..];
        if length == 0 {
            return Ok(body);
        }
        body.extend_from_slice(rest.get(..length).context("a whole chunk")?);
        rest = rest.get(length + 2..).context("a chunk's end")?;
    }
}

/// HTML with each tag replaced by `instead`.
fn bare(html: &str, instead: &str) -> String {
    let pieces = html
        .split('<')
        .map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    pieces.collect::<Vec<_>>().join(instead)
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag
        .split_once(&format!(" {name}=\""))?
        .1
        .split('"')
        .next()?;
    Some(unescaped(value))
}

fn unescaped(text: &str) -> String {
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"");
    text.replace("&#39;", "'").replace("&amp;", "&")
}

/// Fields in the format `application/x-www-form-urlencoded`.
fn encoded<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let percent = |text: &str| -> String { text.bytes().map(|b| format!("%{b:02X}")).collect() };
    let pairs = fields.map(|(name, value)| format!("{}={}", percent(name), percent(value)));
    pairs.collect::<Vec<_>>().join("&")
}
