//! Replacing a running service by a new process, so that nobody is refused and no connection to an upstream is cut.
//!
//! `sekisho restart` asks the service at a socket in its data folder; SIGUSR2 asks as well. The service then starts its
//! program anew and talks with the new process over that one's standard input:
//!
//! 1. The old process hands over its listening sockets.
//! 2. The new one reads the configuration and opens what can be open twice; only then it says `ready`. Whatever goes
//!    wrong until here, the old one goes on.
//! 3. The old one takes no more connections, stops running the queue, and says `yours`. Who connects now waits in the
//!    sockets' backlog.
//! 4. The new one opens the rest, serves, and says `serving`.
//! 5. The old one waits for its connections to end. Meanwhile it is told when the configuration has changed (`reload`),
//!    so that no connection outlives a policy that forbids it; and it ends when the new one does.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Interest};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long the new process may take for one step; asking upstreams that are away takes its time.
const STEP: Duration = Duration::from_secs(120);

/// The most sockets that are handed over: Linux takes 253 in one message.
const MOST_SOCKETS: usize = 253;

/// The longest line that either says, in bytes.
const LONGEST: u64 = 64;

/// What is said with the sockets.
const SOCKETS: &[u8] = b"sockets\n";

/// Whom the service asks for a new process: what is done, and what became of it.
pub(crate) struct Control {
    listener: UnixListener,
    path: PathBuf,
}

/// Somebody who asked for a restart and waits for what becomes of it.
pub(crate) struct Asker(UnixStream);

/// The longest name that a Unix socket can have, in bytes.
const LONGEST_NAME: usize = 107;

/// A socket in the data folder, as it can be named however long the folder's own name is.
struct SocketName {
    short: PathBuf,
    /// What the short name leads through, if it is another one.
    _folder: Option<File>,
}

impl SocketName {
    fn new(path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() <= LONGEST_NAME {
            return Ok(Self {
                short: path.to_owned(),
                _folder: None,
            });
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let folder = File::open(folder)?;
        let through = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
        Ok(Self {
            short: through.join(name),
            _folder: Some(folder),
        })
    }
}

/// Where a service with this data folder is asked.
fn control_path(data: &Path) -> PathBuf {
    data.join("control")
}

impl Control {
    /// Listens in the data folder, in the place of whoever did before.
    ///
    /// # Errors
    /// The folder can't be written.
    pub(crate) fn open(data: &Path) -> anyhow::Result<Self> {
        let path = control_path(data);
        // Whoever connects must find either process; so the new name takes the place of the old one at once.
        let fresh = path.with_extension("new");
        let _ = std::fs::remove_file(&fresh);
        let listener = SocketName::new(&fresh)
            .and_then(|name| UnixListener::bind(&name.short))
            .with_context(|| format!("listening on {}", fresh.display()))?;
        std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&fresh, &path)
            .with_context(|| format!("putting {} in its place", path.display()))?;
        Ok(Self { listener, path })
    }

    /// The next one who asks. Cancel-safe.
    pub(crate) async fn asked(&self) -> Asker {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return Asker(stream),
                Err(error) => {
                    tracing::warn!(%error, path = %self.path.display(), "nobody can ask for a restart");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Asker {
    /// Tells what became of it.
    pub(crate) async fn tell(mut self, outcome: &anyhow::Result<String>) {
        let words = match outcome {
            Ok(words) => format!("+{words}"),
            Err(error) => format!("-{error:#}"),
        };
        // Who does not wait for the answer does not get it.
        let _ = self.0.write_all(words.as_bytes()).await;
        let _ = self.0.shutdown().await;
    }
}

/// Asks the service of a data folder for a restart, and returns what it says.
///
/// # Errors
/// No service runs there, or it could not be replaced and goes on.
pub(crate) async fn ask(data: &Path) -> anyhow::Result<String> {
    let path = control_path(data);
    let connected = async {
        let name = SocketName::new(&path)?;
        UnixStream::connect(&name.short).await
    };
    let mut stream = match connected.await {
        Ok(stream) => stream,
        Err(error) if is_nobody(&error) => bail!(
            "no service runs with the data folder {}; `sekisho serve` starts one",
            data.display()
        ),
        Err(error) => return Err(error).with_context(|| format!("asking at {}", path.display())),
    };
    let mut words = String::new();
    stream.read_to_string(&mut words).await?;
    match words.split_at_checked(1) {
        Some(("+", words)) => Ok(words.to_owned()),
        Some(("-", words)) => bail!("the service was not replaced and goes on: {words}"),
        _ => bail!("the service ended before it answered; its log says why"),
    }
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

/// How the program was started, to start it again after its file was replaced.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    let called = std::env::args_os().next().unwrap_or_default();
    if Path::new(&called).components().count() > 1 {
        // Not resolved: a link may point to another version next time.
        return Ok(std::path::absolute(called)?);
    }
    Ok(std::env::current_exe()?)
}

/// The process that is to replace this one.
pub(crate) struct Successor {
    process: Child,
    stream: BufReader<UnixStream>,
}

impl Successor {
    /// Starts it, hands it the sockets and waits until it is ready. It is gone if it is not.
    ///
    /// # Errors
    /// It did not start, or ended, or took too long.
    pub(crate) async fn start(
        program: &Path,
        config: &Path,
        sockets: &[OwnedFd],
    ) -> anyhow::Result<Self> {
        let (here, there) = StdUnixStream::pair()?;
        here.set_nonblocking(true)?;
        let process = Command::new(program)
            .arg("serve")
            .arg("--take-over")
            .arg("--config")
            .arg(config)
            .stdin(OwnedFd::from(there))
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let mut successor = Self {
            process,
            stream: BufReader::new(UnixStream::from_std(here)?),
        };
        match successor.get_ready(sockets).await {
            Ok(()) => Ok(successor),
            Err(error) => {
                let _ = successor.process.kill().await;
                Err(error.context("the new process was not ready; the log says why"))
            }
        }
    }

    async fn get_ready(&mut self, sockets: &[OwnedFd]) -> anyhow::Result<()> {
        send(self.stream.get_ref(), sockets).await?;
        self.hears("ready").await
    }

    /// Lets it serve, once this process takes no more connections. Returns its process number, and the way to tell it
    /// more.
    ///
    /// # Errors
    /// It ended, or took too long.
    pub(crate) async fn let_serve(mut self) -> anyhow::Result<(u32, Replacement)> {
        self.stream.write_all(b"yours\n").await?;
        self.hears("serving").await?;
        let id = self.process.id().context("it has ended")?;
        Ok((
            id,
            Replacement {
                _process: self.process,
                stream: self.stream,
            },
        ))
    }

    async fn hears(&mut self, wanted: &str) -> anyhow::Result<()> {
        let said = timeout(STEP, line(&mut self.stream));
        let said = said.await.context("it took too long")??;
        ensure!(said == wanted, "it ended");
        Ok(())
    }
}

/// The process that has replaced this one.
pub(crate) struct Replacement {
    /// Not waited for: it lives on after this one.
    _process: Child,
    stream: BufReader<UnixStream>,
}

/// What the process that has replaced this one says.
pub(crate) enum News {
    /// The configuration has changed.
    Reload,
    /// It has ended.
    Ended,
}

impl Replacement {
    /// The next news. Cancel-safe only in so far as a line that is cut off counts as an end.
    pub(crate) async fn news(&mut self) -> News {
        match line(&mut self.stream).await {
            Ok(word) if word == "reload" => News::Reload,
            _ => News::Ended,
        }
    }
}

/// The process that this one replaces.
pub(crate) struct Predecessor(BufReader<UnixStream>);

impl Predecessor {
    /// Meets it at the standard input, and takes its sockets.
    ///
    /// # Errors
    /// Nobody is there: this is for the service to call, not for people.
    pub(crate) async fn meet() -> anyhow::Result<(Self, Vec<OwnedFd>)> {
        let stream = StdUnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        stream.set_nonblocking(true)?;
        let stream = UnixStream::from_std(stream)
            .context("--take-over is for a running service; `sekisho restart` asks for it")?;
        let sockets = timeout(STEP, receive(&stream)).await??;
        Ok((Self(BufReader::new(stream)), sockets))
    }

    /// Says that all is ready, and waits until the queue and the store are this process's.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) async fn is_ready(&mut self) -> anyhow::Result<()> {
        self.0.write_all(b"ready\n").await?;
        let said = timeout(STEP, line(&mut self.0)).await??;
        ensure!(said == "yours", "the process to be replaced has ended");
        Ok(())
    }

    /// Says that this process serves.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) async fn serves(&mut self) -> anyhow::Result<()> {
        Ok(self.0.write_all(b"serving\n").await?)
    }

    /// Says that the configuration has changed; nothing, if it has ended meanwhile.
    pub(crate) async fn reload(&mut self) {
        let _ = self.0.write_all(b"reload\n").await;
    }

    /// Completes when it has ended.
    pub(crate) async fn ended(&mut self) {
        let _ = line(&mut self.0).await;
    }
}

/// A line without its end; empty if there is none.
async fn line(stream: &mut BufReader<UnixStream>) -> io::Result<String> {
    let mut line = String::new();
    stream.take(LONGEST).read_line(&mut line).await?;
    Ok(line.trim_end().to_owned())
}

async fn send(stream: &UnixStream, sockets: &[OwnedFd]) -> anyhow::Result<()> {
    ensure!(
        sockets.len() <= MOST_SOCKETS,
        "{} sockets are more than can be handed over",
        sockets.len()
    );
    let sockets: Vec<BorrowedFd<'_>> = sockets.iter().map(AsFd::as_fd).collect();
    let sent = stream.async_io(Interest::WRITABLE, || {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_SOCKETS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&sockets));
        let words = [IoSlice::new(SOCKETS)];
        Ok(sendmsg(stream, &words, &mut control, SendFlags::empty())?)
    });
    ensure!(
        sent.await? == SOCKETS.len(),
        "the sockets were not handed over"
    );
    Ok(())
}

async fn receive(stream: &UnixStream) -> anyhow::Result<Vec<OwnedFd>> {
    let mut sockets = Vec::new();
    let mut words = [0; SOCKETS.len()];
    let read = stream.async_io(Interest::READABLE, || {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_SOCKETS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut words = [IoSliceMut::new(&mut words)];
        let message = recvmsg(stream, &mut words, &mut control, RecvFlags::CMSG_CLOEXEC)?;
        for part in control.drain() {
            if let RecvAncillaryMessage::ScmRights(handed) = part {
                sockets.extend(handed);
            }
        }
        Ok(message.bytes)
    });
    let read = read.await?;
    ensure!(
        words[..read] == *SOCKETS,
        "the process to be replaced has ended"
    );
    Ok(sockets)
}
