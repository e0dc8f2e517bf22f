//! Just enough of each protocol for measurements from outside.

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

/// A connection for a line protocol.
pub struct Line(BufStream<TcpStream>);

impl Line {
    /// Connects to `HOST:PORT`.
    pub async fn connect(door: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(door).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufStream::new(stream)))
    }

    /// Sends a line and waits for the answer that begins with `wanted`.
    pub async fn say(&mut self, line: &str, wanted: &str) -> anyhow::Result<String> {
        self.0.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.0.flush().await?;
        self.expect(wanted).await
    }

    /// Waits for a line that begins with `wanted`, skipping other lines of the same answer.
    pub async fn expect(&mut self, wanted: &str) -> anyhow::Result<String> {
        loop {
            let mut line = String::new();
            ensure!(
                self.0.read_line(&mut line).await? > 0,
                "the connection was closed"
            );
            let continued = line.as_bytes().get(3) == Some(&b'-')
                || (wanted != "* OK" && line.starts_with("* "));
            if continued {
                continue;
            }
            ensure!(line.starts_with(wanted), "wanted {wanted}, got {line}");
            return Ok(line);
        }
    }
}

/// A minimal browser: one connection, and its cookies.
pub struct Http {
    line: BufStream<TcpStream>,
    host: String,
    cookies: Vec<(String, String)>,
}

impl Http {
    /// Connects to an origin such as `http://localhost:8600`.
    pub async fn connect(origin: &str) -> anyhow::Result<Self> {
        let host = origin
            .strip_prefix("http://")
            .context("an http origin")?
            .to_owned();
        let port = host.rsplit_once(':').context("a port")?.1;
        let stream = TcpStream::connect(format!("127.0.0.1:{port}")).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            line: BufStream::new(stream),
            host,
            cookies: Vec::new(),
        })
    }

    /// Signs in.
    pub async fn sign_in(&mut self, user: &str, password: &str) -> anyhow::Result<()> {
        let page = self.get("/login").await?;
        let token = page
            .split_once("name=\"csrf\" value=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .context("no form")?
            .0;
        let body = format!("csrf={token}&user={user}&password={password}");
        self.request("POST", "/login", &body).await.map(drop)
    }

    /// Fetches a page.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<String> {
        self.request("GET", path, "").await
    }

    async fn request(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<String> {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
            cookies.join("; "),
            body.len(),
            host = self.host
        );
        self.line.write_all(head.as_bytes()).await?;
        self.line.write_all(body.as_bytes()).await?;
        self.line.flush().await?;
        self.answer().await
    }

    async fn answer(&mut self) -> anyhow::Result<String> {
        let mut length = 0;
        let mut status = String::new();
        self.line.read_line(&mut status).await?;
        loop {
            let mut line = String::new();
            self.line.read_line(&mut line).await?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            match name {
                "content-length" => length = value.parse()?,
                "transfer-encoding" => bail!("an answer in chunks"),
                "set-cookie" => {
                    let pair = value.split(';').next().unwrap_or_default();
                    if let Some((name, value)) = pair.split_once('=') {
                        self.cookies.retain(|(n, _)| n != name);
                        self.cookies.push((name.to_owned(), value.to_owned()));
                    }
                }
                _ => {}
            }
        }
        let code = status.split(' ').nth(1).unwrap_or_default();
        ensure!(
            code.starts_with('2') || code.starts_with('3'),
            "the webmail said {status}"
        );
        let mut body = vec![0; length];
        self.line.read_exact(&mut body).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}
