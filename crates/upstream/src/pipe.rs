//! Copies bytes between a client and the upstream after the login on both sides.
//!
//! An idle connection holds no buffer: bytes are read into a buffer that all connections of a thread share, and only
//! what the other side can't take at once is kept.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sekisho_net::{Duplex, Shutdown};
use tokio::io::ReadBuf;
use tokio::time::{sleep, timeout};

use crate::relogin::Relogin;

/// How many bytes are read at once.
const PIECE: usize = 64 * 1024;

/// How many times one side is read before other tasks get their turn.
const IN_A_ROW: usize = 16;

/// How long one side may continue after the other has ended.
const LAST_WORDS: Duration = Duration::from_secs(30);

/// When the program ends, a connection without traffic for this long is closed, as it has nothing to finish.
const QUIET: Duration = Duration::from_millis(300);

thread_local! {
    /// The buffer for reading. It is used only within one call of `poll`, so that all connections can share it.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; PIECE].into());
}

/// Copies until both sides have ended or one fails. `to_upstream` and `to_client` were read earlier and are sent first.
/// With a [`Relogin`], the connection ends when the client tries to log in again. When a shutdown is asked for, it ends
/// as soon as there is no traffic.
pub async fn run(
    mut client: impl Duplex,
    mut upstream: impl Duplex,
    to_upstream: Vec<u8>,
    to_client: Vec<u8>,
    relogin: Option<Relogin>,
    shutdown: Shutdown,
) {
    let moved = AtomicU64::new(0);
    let mut up = Half::new(&moved, relogin);
    let mut down = Half::new(&moved, None);
    let copying = async {
        up.begin(to_upstream)?;
        down.begin(to_client)?;
        std::future::poll_fn(|context| {
            let up = up.poll_copy(context, &mut client, &mut upstream)?;
            let down = down.poll_copy(context, &mut upstream, &mut client)?;
            if up.is_ready() || down.is_ready() {
                Poll::Ready(io::Result::Ok(()))
            } else {
                Poll::Pending
            }
        })
        .await?;
        let rest = std::future::poll_fn(|context| {
            let up = up.poll_copy(context, &mut client, &mut upstream)?;
            let down = down.poll_copy(context, &mut upstream, &mut client)?;
            if up.is_ready() && down.is_ready() {
                Poll::Ready(io::Result::Ok(()))
            } else {
                Poll::Pending
            }
        });
        timeout(LAST_WORDS, rest).await?
    };
    let ending = async {
        shutdown.asked().await;
        loop {
            let before = moved.load(Ordering::Relaxed);
            sleep(QUIET).await;
            if moved.load(Ordering::Relaxed) == before {
                return;
            }
        }
    };
    tokio::select! {
        copied = copying => {
            if let Err(error) = copied {
                tracing::debug!(?error, "a connection to the upstream ended");
            }
        }
        () = ending => {}
    }
}

/// One direction of copying.
struct Half<'a> {
    /// Counts the copied pieces of both directions.
    moved: &'a AtomicU64,
    relogin: Option<Relogin>,
    /// What the other side has not accepted yet.
    kept: Vec<u8>,
    written: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Everything written was flushed.
    Flushed,
    /// The other side's buffer may hold bytes that were not flushed.
    Unflushed,
    /// The end was read; no more bytes will come.
    Ended,
    /// The other side has been told of the end.
    Shut,
}

impl<'a> Half<'a> {
    fn new(moved: &'a AtomicU64, relogin: Option<Relogin>) -> Self {
        Self {
            moved,
            relogin,
            kept: Vec::new(),
            written: 0,
            state: State::Flushed,
        }
    }

    /// Starts with bytes that were read earlier.
    fn begin(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        if let Some(relogin) = &mut self.relogin
            && !relogin.passes(&bytes)
        {
            return Err(logs_in_again());
        }
        self.kept = bytes;
        Ok(())
    }

    /// Copies as much as possible. Ready when the end was read and the other side has been told.
    fn poll_copy(
        &mut self,
        context: &mut Context<'_>,
        from: &mut (impl Duplex + ?Sized),
        to: &mut (impl Duplex + ?Sized),
    ) -> Poll<io::Result<()>> {
        BUFFER.with_borrow_mut(|buffer| {
            for _ in 0..IN_A_ROW {
                ready!(self.poll_write_kept(context, to))?;
                match self.state {
                    State::Flushed | State::Unflushed => {}
                    State::Ended => {
                        ready!(Pin::new(&mut *to).poll_shutdown(context))?;
                        self.state = State::Shut;
                        return Poll::Ready(Ok(()));
                    }
                    State::Shut => return Poll::Ready(Ok(())),
                }
                let mut piece = ReadBuf::new(buffer);
                if Pin::new(&mut *from)
                    .poll_read(context, &mut piece)?
                    .is_pending()
                {
                    if self.state == State::Unflushed {
                        ready!(Pin::new(&mut *to).poll_flush(context))?;
                        self.state = State::Flushed;
                    }
                    return Poll::Pending;
                }
                self.pass(context, to, piece.filled())?;
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }

    /// Passes a piece on, and keeps what the other side doesn't accept.
    fn pass(
        &mut self,
        context: &mut Context<'_>,
        to: &mut (impl Duplex + ?Sized),
        piece: &[u8],
    ) -> io::Result<()> {
        if piece.is_empty() {
            self.state = State::Ended;
            return Ok(());
        }
        if let Some(relogin) = &mut self.relogin
            && !relogin.passes(piece)
        {
            return Err(logs_in_again());
        }
        self.moved.fetch_add(1, Ordering::Relaxed);
        self.state = State::Unflushed;
        let written = match Pin::new(to).poll_write(context, piece)? {
            Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
            Poll::Ready(written) => written,
            Poll::Pending => 0,
        };
        self.kept.extend_from_slice(&piece[written..]);
        Ok(())
    }

    fn poll_write_kept(
        &mut self,
        context: &mut Context<'_>,
        to: &mut (impl Duplex + ?Sized),
    ) -> Poll<io::Result<()>> {
        while self.written < self.kept.len() {
            let rest = &self.kept[self.written..];
            let written = ready!(Pin::new(&mut *to).poll_write(context, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
            self.state = match self.state {
                State::Flushed => State::Unflushed,
                other => other,
            };
        }
        self.kept = Vec::new();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

fn logs_in_again() -> io::Error {
    io::Error::other("the client would log in again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    #[tokio::test]
    async fn all_bytes_arrive_in_both_directions_through_narrow_streams() {
        let (mut client, near) = duplex(7);
        let (far, mut upstream) = duplex(5);
        let shutdown = Shutdown::new();
        let up: Vec<u8> = (0..100_000u32).map(|n| n.to_le_bytes()[0]).collect();
        let down: Vec<u8> = up.iter().rev().copied().collect();
        let (sent_up, sent_down) = (up.clone(), down.clone());
        let (mut heard_up, mut heard_down) = (Vec::new(), Vec::new());
        let (mut from_client, mut to_client) = tokio::io::split(&mut client);
        let (mut from_upstream, mut to_upstream) = tokio::io::split(&mut upstream);
        let ((), _, _, _, _) = tokio::join!(
            run(
                near,
                far,
                b"first ".to_vec(),
                b"hello ".to_vec(),
                None,
                shutdown
            ),
            async {
                to_client.write_all(&sent_up).await.expect("taken");
                to_client.shutdown().await.expect("shut");
            },
            async {
                to_upstream.write_all(&sent_down).await.expect("taken");
                to_upstream.shutdown().await.expect("shut");
            },
            from_upstream.read_to_end(&mut heard_up),
            from_client.read_to_end(&mut heard_down),
        );
        assert!(heard_up == [&b"first "[..], &up].concat());
        assert!(heard_down == [&b"hello "[..], &down].concat());
    }

    #[tokio::test]
    async fn the_command_that_logs_in_again_never_arrives() {
        let (mut client, near) = duplex(100);
        let (far, mut upstream) = duplex(100);
        let shutdown = Shutdown::new();
        let sent = b"a NOOP\r\nb UNAUTHENTICATE\r\n";
        client.write_all(&sent[..20]).await.expect("taken");
        let ((), (), heard) = tokio::join!(
            run(
                near,
                far,
                Vec::new(),
                Vec::new(),
                Some(Relogin::default()),
                shutdown
            ),
            async move {
                client.write_all(&sent[20..]).await.expect("taken");
                client.shutdown().await.expect("shut");
                // The other side may still send something.
                client.read_to_end(&mut Vec::new()).await.expect("an end");
            },
            async move {
                let mut heard = Vec::new();
                upstream.read_to_end(&mut heard).await.expect("read");
                heard
            }
        );
        assert!(sent.starts_with(&heard), "{}", heard.escape_ascii());
        assert!(!heard.ends_with(b"\n") || heard == b"a NOOP\r\n");
    }

    #[tokio::test]
    async fn a_quiet_connection_ends_with_the_program() {
        let (mut client, near) = duplex(100);
        let (far, mut upstream) = duplex(100);
        let shutdown = Shutdown::new();
        let running = shutdown.clone();
        shutdown.spawn(async move {
            run(near, far, Vec::new(), Vec::new(), None, running).await;
        });
        let mut byte = [0];
        upstream.write_all(b"x").await.expect("taken");
        client.read_exact(&mut byte).await.expect("passed on");
        assert!(
            shutdown.drain(Duration::from_secs(60)).await,
            "it ended by itself"
        );
        assert_eq!(client.read(&mut byte).await.expect("an end"), 0);
    }
}
