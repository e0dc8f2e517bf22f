//! A browser at the webmail's router, without a socket in between: it can hang up wherever the answer is waited for.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use axum::Router;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use hyper::body::Frame;
use sekisho_net::{Finisher, Shutdown};
use sekisho_source::{KeyLength, Source};
use tower::ServiceExt as _;

use super::BASE;

/// How long what was begun may take to be finished. It only bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was answered before it was time to hang up.
    Answered,
    /// The browser hung up.
    HungUp,
}

/// A browser: its cookies, where it is, and the page that it saw last.
#[derive(Clone)]
pub struct Browser {
    router: Router,
    address: IpAddr,
    cookies: BTreeMap<String, String>,
    page: String,
}

impl Browser {
    /// One with nothing in hand.
    pub fn new(router: &Router, address: IpAddr) -> Self {
        Self {
            router: router.clone(),
            address,
            cookies: BTreeMap::new(),
            page: String::new(),
        }
    }

    /// Opens a page.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<()> {
        let request = self.request(Method::GET, path, Body::empty())?;
        let answer = self.router.clone().oneshot(request).await?;
        self.read(answer).await?;
        Ok(())
    }

    /// Sends a form of the page that it saw last, and waits for the answer, which must be a redirect.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<()> {
        let form = self.form(fields);
        let request = self.request(Method::POST, path, Body::from(form))?;
        let answer = self.router.clone().oneshot(request).await?;
        let status = self.read(answer).await?;
        ensure!(
            status == StatusCode::SEE_OTHER,
            "{path}: {status} {}",
            self.page
        );
        Ok(())
    }

    /// Sends a form piece by piece, and hangs up when something was waited for so many times. Returns once all that was
    /// begun is finished.
    pub async fn hang_up(
        &self,
        path: &str,
        fields: &[(String, String)],
        after: usize,
    ) -> anyhow::Result<Ended> {
        let fields: Vec<_> = fields
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        let body = Body::new(InPieces::of(self.form(&fields)));
        let mut request = self.request(Method::POST, path, body)?;
        let shutdown = Shutdown::new();
        let finisher = Finisher::new(shutdown.clone());
        request.extensions_mut().insert(finisher);
        let mut answer = Box::pin(self.router.clone().oneshot(request));
        let mut waited = 0;
        let ended = poll_fn(|context| match answer.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(Ended::Answered),
            Poll::Pending if waited == after => Poll::Ready(Ended::HungUp),
            Poll::Pending => {
                waited += 1;
                Poll::Pending
            }
        })
        .await;
        drop(answer);
        ensure!(shutdown.drain(PATIENCE).await, "it never ended");
        Ok(ended)
    }

    /// Sends a form, and hangs up once something has happened. Returns once all that was begun is finished, for which
    /// `then` opens the way.
    pub async fn hang_up_once(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        happens: impl Future<Output = ()>,
        then: impl FnOnce(),
    ) -> anyhow::Result<()> {
        let form = Body::from(self.form(fields));
        let mut request = self.request(Method::POST, path, form)?;
        let shutdown = Shutdown::new();
        let finisher = Finisher::new(shutdown.clone());
        request.extensions_mut().insert(finisher);
        let answer = self.router.clone().oneshot(request);
        tokio::select! {
            answer = answer => bail!("it was answered: {answer:?}"),
            () = happens => {}
        }
        then();
        ensure!(shutdown.drain(PATIENCE).await, "it never ended");
        Ok(())
    }

    /// The value of the first hidden field of that name on the page.
    pub fn value_of(&self, field: &str) -> anyhow::Result<String> {
        self.after(&format!("name=\"{field}\" value=\""))
    }

    /// What stands on the page behind some text, up to the next quotation mark.
    pub fn after(&self, text: &str) -> anyhow::Result<String> {
        let (_, rest) = self
            .page
            .split_once(text)
            .with_context(|| format!("{text:?} is not in {}", self.page))?;
        Ok(rest.split('"').next().unwrap_or_default().to_owned())
    }

    /// All that stands on the page between two texts.
    pub fn all_between(&self, before: &str, behind: &str) -> Vec<String> {
        let pieces = self.page.split(before).skip(1);
        pieces
            .filter_map(|piece| piece.split(behind).next())
            .map(str::to_owned)
            .collect()
    }

    fn form(&self, fields: &[(&str, &str)]) -> String {
        let csrf = self.value_of("csrf").unwrap_or_default();
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("csrf", &csrf)
            .extend_pairs(fields)
            .finish()
    }

    fn request(&self, method: Method, path: &str, body: Body) -> anyhow::Result<Request<Body>> {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, BASE)
            .header("sec-fetch-site", "same-origin")
            .header(header::ACCEPT_LANGUAGE, "en")
            .header(header::COOKIE, cookies.join("; "))
            .body(body)?;
        let source = Source::assured(self.address, KeyLength::default());
        request.extensions_mut().insert(source);
        let finisher = Finisher::new(Shutdown::new());
        request.extensions_mut().insert(finisher);
        Ok(request)
    }

    async fn read(&mut self, answer: Response) -> anyhow::Result<StatusCode> {
        let (head, body) = answer.into_parts();
        for line in head.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str()?;
            let (name, value) = line.split_once('=').context("a cookie")?;
            let value = value.split(';').next().unwrap_or_default();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        self.page = String::from_utf8(to_bytes(body, usize::MAX).await?.to_vec())?;
        Ok(head.status)
    }
}

/// A form that comes in two pieces, each of which has to be waited for; so does its end. The second is the last
/// character alone: what came before would pass for a form, with its token, were it taken for the whole.
struct InPieces {
    pieces: Vec<Bytes>,
    is_due: bool,
}

impl InPieces {
    fn of(form: String) -> Self {
        let form = Bytes::from(form);
        let last = form.len().saturating_sub(1);
        Self {
            pieces: vec![form.slice(last..), form.slice(..last)],
            is_due: false,
        }
    }
}

impl HttpBody for InPieces {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_due = !self.is_due;
        if self.is_due {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.pieces.pop().map(|piece| Ok(Frame::data(piece))))
    }
}
