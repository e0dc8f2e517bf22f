//! The program as a process, and just enough of each protocol to talk to it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The program, ready for a command.
pub fn sekisho() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sekisho"))
}

/// Runs a command and returns whether it succeeded and all that it said.
pub fn run(config: &Path, words: &[&str], input: &str) -> Outcome<(bool, String)> {
    let mut child = sekisho()
        .args(words)
        .arg("--config")
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .ok_or("no input")?
        .write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8(said)?))
}

/// A site's configuration, in a folder of its own.
pub fn site(folder: &Path) -> Outcome<std::path::PathBuf> {
    let config = folder.join("sekisho.toml");
    std::fs::write(
        &config,
        format!(
            "[site]\ndomains = [\"kit.example\"]\nurl = \"https://mail.kit.example\"\napp_url = \"https://otp.kit.example\"\n\
             data = \"{folder}/data\"\nkeys = \"{folder}/keys\"\n",
            folder = folder.display()
        ),
    )?;
    Ok(config)
}

/// The demo as a process.
pub struct Program {
    child: Child,
    pub lmtp: String,
    pub imap: String,
    pub pop3: String,
    pub submission: String,
    pub web: String,
    pub login: String,
    pub password: String,
}

impl Program {
    /// Starts the demo in a folder.
    pub fn start(folder: &Path) -> Outcome<Self> {
        Self::start_logging(folder, Stdio::null())
    }

    /// Starts it with all that it can log going there.
    pub fn start_logging(folder: &Path, log: impl Into<Stdio>) -> Outcome<Self> {
        let mut child = sekisho()
            .args(["demo", "--ports", "0", "--json", "--dir"])
            .arg(folder)
            .env("SEKISHO_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let tour: serde_json::Value = serde_json::from_str(&line)?;
        let text = |pointer: &str| {
            tour.pointer(pointer)
                .and_then(serde_json::Value::as_str)
                .map(str::to_owned)
                .ok_or_else(|| format!("no {pointer} in {line}"))
        };
        Ok(Self {
            lmtp: text("/lmtp")?,
            imap: text("/campus/imap")?,
            pop3: text("/campus/pop3")?,
            submission: text("/campus/submission")?,
            web: text("/campus/web")?,
            login: text("/accounts/0/login")?,
            password: text("/accounts/0/password")?,
            child,
        })
    }

    /// Kills it at once, as the kernel does.
    pub fn kill(&mut self) -> std::io::Result<()> {
        self.child.kill()
    }

    /// Asks it to end, and waits for its exit code.
    pub fn end(&mut self, signal: &str) -> Outcome<Option<i32>> {
        Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()?;
        Ok(self.child.wait()?.code())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A service as a process.
pub struct Service {
    child: Child,
    log: Option<JoinHandle<String>>,
}

impl Service {
    /// Starts it with a configuration, and waits until it is ready.
    pub fn start(config: &Path) -> Outcome<Self> {
        Self::start_with(config, &[])
    }

    /// The same with variables of the environment.
    pub fn start_with(config: &Path, environment: &[(&str, &OsStr)]) -> Outcome<Self> {
        let mut child = sekisho()
            .args(["serve", "--config"])
            .arg(config)
            .envs(environment.iter().copied())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut log = BufReader::new(child.stderr.take().ok_or("no log")?);
        let mut told = String::new();
        while !told.contains("ready") {
            if log.read_line(&mut told)? == 0 {
                return Err(format!("it did not start: {told}").into());
            }
        }
        // Read on, or it would wait for somebody to read.
        let reading = std::thread::spawn(move || {
            while log.read_line(&mut told).is_ok_and(|read| read > 0) {}
            told
        });
        Ok(Self {
            child,
            log: Some(reading),
        })
    }

    /// Ends it in order and returns its log.
    pub fn end(mut self) -> Outcome<String> {
        Command::new("kill")
            .arg(self.child.id().to_string())
            .status()?;
        let code = self.child.wait()?.code();
        let log = self.log.take().map(JoinHandle::join);
        let log = log.ok_or("no log")?.map_err(|_| "the log can't be read")?;
        assert_eq!(code, Some(0), "it ends in order: {log}");
        Ok(log)
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it ends by itself, and returns its exit code.
    pub fn wait(&mut self) -> Outcome<Option<i32>> {
        Ok(self.child.wait()?.code())
    }

    /// Kills it at once, as the kernel does.
    pub fn kill(mut self) -> Outcome<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection of lines.
pub struct Line(BufReader<TcpStream>);

impl Line {
    /// Connects to `HOST:PORT`.
    pub fn connect(door: &str) -> Outcome<Self> {
        let stream = TcpStream::connect(door)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Says a line.
    pub fn write(&mut self, line: &str) -> Outcome<()> {
        Ok(self
            .0
            .get_mut()
            .write_all(format!("{line}\r\n").as_bytes())?)
    }

    /// The next line.
    pub fn read(&mut self) -> Outcome<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err("the connection was closed".into());
        }
        Ok(line)
    }

    /// Says a line and waits for the answer that begins with `wanted`.
    pub fn say(&mut self, line: &str, wanted: &str) -> Outcome<()> {
        self.write(line)?;
        self.expect(wanted)
    }

    /// Waits for the last line of an answer, which begins with `wanted`.
    pub fn expect(&mut self, wanted: &str) -> Outcome<()> {
        loop {
            let line = self.read()?;
            let goes_on = line.as_bytes().get(3) == Some(&b'-')
                || (wanted != "* OK" && line.starts_with("* "));
            if !goes_on {
                return if line.starts_with(wanted) {
                    Ok(())
                } else {
                    Err(line.into())
                };
            }
        }
    }

    /// Waits until the other side closes, whatever it says before; a minute at the most.
    pub fn closes(&mut self) -> Outcome<()> {
        let stream = self.0.get_ref();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(60)))?;
        match self.0.read_to_end(&mut Vec::new()) {
            Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// So many bytes as they come.
    pub fn read_exact(&mut self, bytes: &mut [u8]) -> Outcome<()> {
        Ok(self.0.read_exact(bytes)?)
    }
}

/// A browser with cookies; each request on a connection of its own.
pub struct Http {
    host: String,
    cookies: Vec<(String, String)>,
    /// A header that is sent along, such as one of a proxy.
    pub extra: Option<String>,
}

/// What came back.
pub struct Page {
    /// The status code.
    pub status: u16,
    /// Where it leads, if elsewhere.
    pub location: String,
    /// What it says.
    pub body: String,
}

impl Http {
    /// A browser for an origin such as `http://localhost:8600`.
    pub fn new(origin: &str) -> Outcome<Self> {
        Ok(Self {
            host: origin
                .strip_prefix("http://")
                .ok_or("an http origin")?
                .to_owned(),
            cookies: Vec::new(),
            extra: None,
        })
    }

    /// Signs in.
    pub fn sign_in(&mut self, user: &str, password: &str) -> Outcome<Page> {
        let page = self.request("GET", "/login", "")?.body;
        let token = page
            .split_once("name=\"csrf\" value=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .ok_or("no form")?
            .0;
        let body = format!("csrf={token}&user={user}&password={password}");
        self.request("POST", "/login", &body)
    }

    /// Asks for something.
    pub fn request(&mut self, method: &str, path: &str, body: &str) -> Outcome<Page> {
        let port = self.host.rsplit_once(':').ok_or("a port")?.1;
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        let extra = self
            .extra
            .as_ref()
            .map(|e| format!("{e}\r\n"))
            .unwrap_or_default();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: {}\r\nConnection: close\r\n{extra}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            cookies.join("; "),
            body.len(),
            host = self.host
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
        let mut location = String::new();
        for (name, value) in head.lines().filter_map(|l| l.split_once(": ")) {
            match name {
                "location" => location = value.to_owned(),
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
        Ok(Page {
            status: head.split(' ').nth(1).ok_or("no status")?.parse()?,
            location,
            body: body.to_owned(),
        })
    }

    /// The values of all cookies.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.cookies.iter().map(|(_, value)| value.as_str())
    }
}
