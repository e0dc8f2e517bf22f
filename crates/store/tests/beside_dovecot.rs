//! ENVELOPE, BODY and BODYSTRUCTURE of every message of `corpus/`, beside what Debian's Dovecot says of it.
//!
//! Where the two differ, the difference is named in [`DIFFERENCES`] with its reason; one that is no longer there has to
//! be taken out.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use sekisho_message::Parsed;
use sekisho_store::describe;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Messages on which the two differ, and why that is right.
const DIFFERENCES: &[(&str, &str)] = &[
    (
        "boundary-never-comes",
        "a multipart whose parts never come is told as the text that it is, to be read; there its text is none",
    ),
    ("multipart-without-boundary", "the same"),
    (
        "eight-bit-without-charset",
        "what is in a charset that nobody names is told in encoded words, so that all clients read the same",
    ),
    ("japanese-raw-jis-subject", "the same"),
    (
        "duplicate-fields",
        "RFC 5322 allows one of each; the first counts here, the last there, and both addresses of From",
    ),
    (
        "folded-everything",
        "unfolding takes away the line break alone (RFC 5322, section 2.2.3), so a tab stays a tab",
    ),
    (
        "odd-addresses",
        "what is missing is empty here and MISSING_DOMAIN there; of a list that breaks off, more is read here",
    ),
    (
        "odd-content-types",
        "a type that can't be read counts as text/plain (RFC 2045, section 5.2); Dovecot tells an empty one",
    ),
    (
        "rfc2231-continued",
        "pieces and charsets are the client's to join (RFC 2231, section 3); Dovecot joins some and loses others",
    ),
    (
        "rfc822-in-base64",
        "a message may not be encoded (RFC 2046, section 5.2.1): it is told as bytes, not as an empty message",
    ),
];

#[test]
fn messages_are_described_as_dovecot_describes_them() -> Outcome<()> {
    let mut dovecot = Dovecot::start()?;
    let mut corpus: Vec<PathBuf> = std::fs::read_dir(corpus())?
        .map(|entry| Ok(entry?.path()))
        .collect::<Outcome<_>>()?;
    corpus.sort();
    assert!(corpus.len() >= 40, "only {} messages", corpus.len());
    let mut wrong = Vec::new();
    for path in &corpus {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let message = std::fs::read(path)?;
        let theirs = dovecot.describe(&message)?;
        let parsed = Parsed::new(&message);
        let ours = [
            describe::envelope(&parsed),
            describe::body(&parsed),
            describe::structure(&parsed),
        ];
        let named = DIFFERENCES.iter().any(|(known, _)| *known == name);
        let mut differs = false;
        for (what, (ours, theirs)) in ["ENVELOPE", "BODY", "BODYSTRUCTURE"]
            .iter()
            .zip(ours.iter().zip(&theirs))
        {
            let ours = Value::parse(ours)?;
            let same = if *what == "ENVELOPE" {
                ours == *theirs
            } else {
                ours.plain() == theirs.plain()
            };
            if !same {
                differs = true;
                if !named {
                    wrong.push(format!("{name} {what}\n  ours   {ours}\n  theirs {theirs}"));
                }
            }
        }
        if named && !differs {
            wrong.push(format!("{name} is named in DIFFERENCES, and there is none"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// Dovecot's IMAP server for one mailbox, over pipes: no port, no login.
struct Dovecot {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    messages: u32,
    _folder: tempfile::TempDir,
}

impl Dovecot {
    fn start() -> Outcome<Self> {
        let program = "/usr/lib/dovecot/imap";
        if !Path::new(program).exists() {
            return Err("Dovecot is not installed: scripts/test installs dovecot-imapd".into());
        }
        let folder = tempfile::tempdir()?;
        let place = folder.path().display();
        let root = String::from_utf8(Command::new("id").arg("-u").output()?.stdout)?.trim() == "0";
        // Dovecot opens no mail as root.
        let owner = if root {
            "mail_uid = nobody\nmail_gid = nogroup\n"
        } else {
            ""
        };
        let config = folder.path().join("dovecot.conf");
        let text = format!(
            "protocols = imap\nssl = no\nbase_dir = {place}/run\nlog_path = {place}/log\nmail_location = sdbox:{place}/mail\n{owner}"
        );
        std::fs::write(&config, text)?;
        if root {
            let done = Command::new("chown")
                .args(["-R", "nobody:nogroup"])
                .arg(folder.path())
                .status()?;
            assert!(done.success(), "chown");
        }
        let mut child = Command::new(program)
            .arg("-c")
            .arg(&config)
            .env("USER", "corpus")
            .env("HOME", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut dovecot = Self {
            input: child.stdin.take().ok_or("no input")?,
            output: BufReader::new(child.stdout.take().ok_or("no output")?),
            child,
            messages: 0,
            _folder: folder,
        };
        let greeting = dovecot.response()?;
        assert!(
            greeting.starts_with(b"* PREAUTH"),
            "{}",
            greeting.escape_ascii()
        );
        dovecot.command("a SELECT INBOX")?;
        Ok(dovecot)
    }

    /// ENVELOPE, BODY and BODYSTRUCTURE of a message.
    fn describe(&mut self, message: &[u8]) -> Outcome<[Value; 3]> {
        write!(self.input, "b APPEND INBOX {{{}+}}\r\n", message.len())?;
        self.input.write_all(message)?;
        self.command("")?;
        self.messages += 1;
        let ask = format!("c FETCH {} (ENVELOPE BODY BODYSTRUCTURE)", self.messages);
        let told = self.command(&ask)?;
        let fetched = told
            .iter()
            .find(|line| line.windows(6).any(|w| w == b"FETCH "))
            .ok_or("no FETCH")?;
        let open = fetched.iter().position(|b| *b == b'(').ok_or("no list")?;
        let Value::List(items) = Value::parse(&fetched[open..])? else {
            return Err("no list".into());
        };
        let item = |name: &str| {
            let at = items
                .iter()
                .position(|item| *item == Value::Atom(name.into()));
            at.and_then(|at| items.get(at + 1))
                .cloned()
                .ok_or(format!("no {name}"))
        };
        Ok([item("ENVELOPE")?, item("BODY")?, item("BODYSTRUCTURE")?])
    }

    /// Sends the end of a command, and reads all responses up to its tagged OK.
    fn command(&mut self, line: &str) -> Outcome<Vec<Vec<u8>>> {
        write!(self.input, "{line}\r\n")?;
        self.input.flush()?;
        let mut told = Vec::new();
        loop {
            let response = self.response()?;
            if !response.starts_with(b"* ") {
                let text = response.escape_ascii().to_string();
                return if text.get(2..4) == Some("OK") {
                    Ok(told)
                } else {
                    Err(text.into())
                };
            }
            told.push(response);
        }
    }

    /// A response with its literals.
    fn response(&mut self) -> Outcome<Vec<u8>> {
        let mut response = Vec::new();
        loop {
            if self.output.read_until(b'\n', &mut response)? == 0 {
                return Err("Dovecot is gone".into());
            }
            let text = response.trim_ascii_end();
            let Some(open) = text
                .iter()
                .rposition(|b| *b == b'{')
                .filter(|_| text.ends_with(b"}"))
            else {
                return Ok(response);
            };
            let length: usize = std::str::from_utf8(&text[open + 1..text.len() - 1])?.parse()?;
            let at = response.len();
            response.resize(at + length, 0);
            self.output.read_exact(&mut response[at..])?;
        }
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A value of an IMAP response.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Nil,
    Atom(String),
    Text(Vec<u8>),
    List(Vec<Value>),
}

impl Value {
    fn parse(bytes: &[u8]) -> Outcome<Self> {
        let mut rest = bytes;
        Self::take(&mut rest)
    }

    fn take(rest: &mut &[u8]) -> Outcome<Self> {
        *rest = rest.trim_ascii_start();
        match rest.first() {
            Some(b'(') => {
                *rest = &rest[1..];
                let mut items = Vec::new();
                loop {
                    *rest = rest.trim_ascii_start();
                    if rest.first() == Some(&b')') {
                        *rest = &rest[1..];
                        return Ok(Self::List(items));
                    }
                    items.push(Self::take(rest)?);
                }
            }
            Some(b'"') => {
                let mut text = Vec::new();
                let mut at = 1;
                loop {
                    match rest.get(at) {
                        Some(b'"') => break,
                        Some(b'\\') => {
                            at += 1;
                            text.push(*rest.get(at).ok_or("an end")?);
                        }
                        Some(byte) => text.push(*byte),
                        None => return Err("an open quote".into()),
                    }
                    at += 1;
                }
                *rest = &rest[at + 1..];
                Ok(Self::Text(text))
            }
            Some(b'{') => {
                let end = rest.iter().position(|b| *b == b'}').ok_or("a literal")?;
                let length: usize = std::str::from_utf8(&rest[1..end])?.parse()?;
                let text = rest.get(end + 3..end + 3 + length).ok_or("a literal")?;
                *rest = &rest[end + 3 + length..];
                Ok(Self::Text(text.to_vec()))
            }
            Some(_) => {
                let end = rest
                    .iter()
                    .position(|b| b" ()\r\n".contains(b))
                    .unwrap_or(rest.len());
                let word = std::str::from_utf8(&rest[..end])?.to_owned();
                *rest = &rest[end..];
                Ok(if word == "NIL" {
                    Self::Nil
                } else {
                    Self::Atom(word)
                })
            }
            None => Err("the end".into()),
        }
    }

    /// The value without what may differ: types, encodings and names are the same in any case (RFC 2045, section 5.1),
    /// and extension data may be left out (RFC 3501, section 7.4.2).
    fn plain(&self) -> Self {
        match self {
            Self::Text(text) => Self::Text(text.to_ascii_lowercase()),
            Self::List(items) => {
                let mut items: Vec<Self> = items.iter().map(Self::plain).collect();
                while items.last() == Some(&Self::Nil) {
                    items.pop();
                }
                Self::List(items)
            }
            other => other.clone(),
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nil => f.write_str("NIL"),
            Self::Atom(word) => f.write_str(word),
            Self::Text(text) => write!(f, "\"{}\"", text.escape_ascii()),
            Self::List(items) => {
                f.write_str("(")?;
                for (at, item) in items.iter().enumerate() {
                    let space = if at > 0 { " " } else { "" };
                    write!(f, "{space}{item}")?;
                }
                f.write_str(")")
            }
        }
    }
}
