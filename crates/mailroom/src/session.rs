//! The order of commands in a server's session, once for LMTP and submission: they differ in whom they ask and in how
//! they answer a message, not in that order.

use async_trait::async_trait;
use sekisho_smtp::data::whole_lines;
use sekisho_smtp::{
    COMMAND_LINE, Command, DataDecoder, DataFault, LineFault, MailFrom, RcptTo, Reply,
};
use tokio::io::{AsyncRead, AsyncWrite};

use sekisho_queue::connection::{Connection, Lost};

/// The session ends after so many commands that came to nothing.
const PATIENCE: u32 = 30;

/// A chunk that is so many times larger than allowed is not even skipped.
const PASSED_OVER: u64 = 8;

/// What differs between the servers.
#[async_trait]
pub(crate) trait Service: Send + Sync {
    /// What is kept of an accepted recipient.
    type Recipient: Send + Sync;

    /// The largest message, in bytes.
    fn message_size(&self) -> u64;

    /// The most recipients of a message.
    fn most_recipients(&self) -> usize;

    /// Whether a message is answered once for each recipient (RFC 2033 4.2).
    fn answers_each_recipient(&self) -> bool;

    /// Answers `EHLO`, `HELO` or `LHLO`, whichever of them it speaks.
    async fn hello(&mut self, command: Command) -> Result<Reply, Reply>;

    /// Judges a sender.
    async fn mail(&self, mail: &MailFrom) -> Result<(), Reply>;

    /// Judges a recipient.
    async fn recipient(&self, mail: &MailFrom, rcpt: RcptTo) -> Result<Self::Recipient, Reply>;

    /// Takes a message: one reply, or one for each recipient in their order. A 250 says that it is on the disk.
    async fn message(&self, transaction: Transaction<Self::Recipient>) -> Vec<Reply>;
}

/// A message with its envelope.
pub(crate) struct Transaction<R> {
    /// The sender.
    pub(crate) mail: MailFrom,
    /// The recipients that were accepted, one at least.
    pub(crate) recipients: Vec<R>,
    /// The message; its lines end with CRLF and it holds no other CR or LF.
    pub(crate) message: Vec<u8>,
}

/// Serves until the client quits or is lost. `greeted` says whether a hello was exchanged before.
pub(crate) async fn serve<S, V>(
    connection: &mut Connection<S>,
    service: &mut V,
    mut greeted: bool,
) -> Result<(), Lost>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    V: Service,
{
    let mut envelope: Option<(MailFrom, Vec<V::Recipient>)> = None;
    // What has come of a message by BDAT so far.
    let mut chunks: Option<Vec<u8>> = None;
    let mut in_vain = 0;
    loop {
        let line = match connection.line(COMMAND_LINE).await {
            Ok(line) => line,
            Err(Lost::Line(fault)) => {
                connection.reply(&line_fault(fault));
                connection.flush().await?;
                return Err(fault.into());
            }
            Err(lost) => return Err(lost),
        };
        let answer = match Command::parse(&line) {
            Err(error) => Err(error.reply()),
            Ok(Command::Quit) => {
                connection.reply(&Reply::new(221, "2.0.0", "goodbye"));
                connection.flush().await?;
                return Ok(());
            }
            Ok(hello @ (Command::Ehlo(_) | Command::Helo(_) | Command::Lhlo(_))) => {
                let answer = service.hello(hello).await;
                if answer.is_ok() {
                    greeted = true;
                    envelope = None;
                    chunks = None;
                }
                answer
            }
            Ok(Command::Mail(_)) if !greeted => Err(out_of_order("say hello first")),
            Ok(Command::Mail(_)) if envelope.is_some() => Err(out_of_order("one sender a message")),
            Ok(Command::Mail(mail)) if mail.size.is_some_and(|s| s > service.message_size()) => {
                Err(Reply::new(552, "5.3.4", "the message is too big"))
            }
            Ok(Command::Mail(mail)) => service.mail(&mail).await.map(|()| {
                envelope = Some((mail, Vec::new()));
                Reply::new(250, "2.1.0", "sender ok")
            }),
            Ok(Command::Rcpt(_) | Command::Data) if chunks.is_some() => {
                Err(out_of_order("the message has begun"))
            }
            Ok(Command::Rcpt(rcpt)) => match &mut envelope {
                None => Err(out_of_order("name the sender first")),
                Some((_, taken)) if taken.len() >= service.most_recipients() => {
                    Err(Reply::new(452, "4.5.3", "too many recipients"))
                }
                Some((mail, taken)) => service.recipient(mail, rcpt).await.map(|recipient| {
                    taken.push(recipient);
                    Reply::new(250, "2.1.5", "recipient ok")
                }),
            },
            Ok(Command::Data) => match envelope.take_if(|(_, taken)| !taken.is_empty()) {
                None => Err(out_of_order("name sender and recipients first")),
                Some((mail, recipients)) => {
                    data(connection, service, mail, recipients).await?;
                    continue;
                }
            },
            Ok(Command::Bdat { size, last }) => {
                let most = service.message_size();
                if size > most.saturating_mul(PASSED_OVER) {
                    connection.reply(&Reply::new(552, "5.3.4", "the message is far too big"));
                    connection.flush().await?;
                    return Ok(());
                }
                let before = chunks.as_ref().map_or(0, |chunks| chunks.len() as u64);
                let expected = envelope
                    .as_ref()
                    .is_some_and(|(_, taken)| !taken.is_empty());
                if !expected {
                    connection.chunk(size, None).await?;
                    Err(out_of_order("name sender and recipients first"))
                } else if before + size > most {
                    connection.chunk(size, None).await?;
                    chunks = None;
                    let refused = envelope.take().map_or(1, |(_, taken)| taken.len());
                    let times = if last && service.answers_each_recipient() {
                        refused
                    } else {
                        1
                    };
                    for _ in 1..times {
                        connection.reply(&DataFault::TooBig.reply());
                    }
                    Err(DataFault::TooBig.reply())
                } else {
                    let message = chunks.get_or_insert_default();
                    connection.chunk(size, Some(message)).await?;
                    match (last, chunks.take_if(|_| last), envelope.take_if(|_| last)) {
                        (true, Some(message), Some((mail, recipients))) => {
                            let message = whole_lines(message);
                            answer(connection, service, mail, recipients, message).await;
                            continue;
                        }
                        _ => Ok(Reply::new(250, "2.0.0", &format!("{size} bytes taken"))),
                    }
                }
            }
            Ok(Command::Rset) => {
                envelope = None;
                chunks = None;
                Ok(Reply::new(250, "2.0.0", "forgotten"))
            }
            Ok(Command::Noop) => Ok(Reply::new(250, "2.0.0", "ok")),
            Ok(Command::Vrfy) => Ok(Reply::new(252, "2.5.0", "send some mail and see")),
            Ok(Command::Help) => Ok(Reply::new(214, "2.0.0", "see RFC 5321")),
            Ok(Command::StartTls | Command::Auth { .. }) => Err(out_of_order("not here")),
        };
        let failed = answer.is_err();
        connection.reply(&answer.unwrap_or_else(|refusal| refusal));
        in_vain = if failed { in_vain + 1 } else { 0 };
        if in_vain >= PATIENCE {
            connection.reply(&Reply::new(421, "4.7.0", "too many errors"));
            connection.flush().await?;
            return Ok(());
        }
    }
}

/// For `fuzz/`: a session is the same however its bytes are split, its messages consist of whole lines, and none is
/// larger than allowed.
#[cfg(fuzzing)]
pub async fn fuzz(
    step: usize,
    bytes: &[u8],
    clock: std::sync::Arc<dyn sekisho_checkpoint::ports::Clock>,
) {
    use std::sync::{Arc, Mutex};

    use jiff::SignedDuration;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[derive(Default)]
    struct Keeping(Mutex<Vec<Vec<u8>>>);
    #[async_trait]
    impl Service for Keeping {
        type Recipient = ();
        fn message_size(&self) -> u64 {
            1_000
        }
        fn most_recipients(&self) -> usize {
            3
        }
        fn answers_each_recipient(&self) -> bool {
            true
        }
        async fn hello(&mut self, _: Command) -> Result<Reply, Reply> {
            Ok(Reply::new(250, "2.0.0", "hello"))
        }
        async fn mail(&self, _: &MailFrom) -> Result<(), Reply> {
            Ok(())
        }
        async fn recipient(&self, _: &MailFrom, _: RcptTo) -> Result<(), Reply> {
            Ok(())
        }
        async fn message(&self, transaction: Transaction<()>) -> Vec<Reply> {
            let lone = |at: usize, byte: u8| match byte {
                b'\r' => transaction.message.get(at + 1) != Some(&b'\n'),
                b'\n' => at == 0 || transaction.message[at - 1] != b'\r',
                _ => false,
            };
            let mut bytes = transaction.message.iter().enumerate();
            assert!(!bytes.any(|(at, byte)| lone(at, *byte)));
            // A missing end of line is added.
            assert!(transaction.message.len() <= 1_002);
            let replies = vec![Reply::new(250, "2.0.0", "kept"); transaction.recipients.len()];
            self.0.lock().expect("a mutex").push(transaction.message);
            replies
        }
    }

    let run = async |step: usize| {
        let (mut near, far) = tokio::io::duplex(step.max(1));
        let mut service = Keeping::default();
        let mut connection = Connection::new(
            far,
            Vec::new(),
            Arc::clone(&clock),
            SignedDuration::from_mins(5),
        );
        let client = async {
            let (mut reading, mut writing) = tokio::io::split(&mut near);
            let mut heard = Vec::new();
            let say = async {
                // The session may have closed the stream already.
                let _ = writing.write_all(bytes).await;
                let _ = writing.shutdown().await;
            };
            let _ = tokio::join!(say, reading.read_to_end(&mut heard));
            heard
        };
        let server = async {
            let _ = serve(&mut connection, &mut service, true).await;
            let _ = connection.close().await;
        };
        let (heard, ()) = tokio::join!(client, server);
        let kept = service.0.into_inner().expect("a mutex");
        (kept, heard)
    };
    let whole = run(bytes.len() + 4_096).await;
    assert_eq!(run(step).await, whole);
}

async fn data<S, V>(
    connection: &mut Connection<S>,
    service: &V,
    mail: MailFrom,
    recipients: Vec<V::Recipient>,
) -> Result<(), Lost>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    V: Service,
{
    let go_on = "end the message with a lone dot".to_owned();
    connection.reply(&Reply::lines(354, [go_on]));
    let mut decoder = DataDecoder::new(service.message_size());
    let message = connection.message(&mut decoder).await?;
    let message = decoder.finish().map(|_| message);
    answer(connection, service, mail, recipients, message).await;
    Ok(())
}

/// Hands a message to the service, unless something is wrong with it, and answers it.
async fn answer<S, V>(
    connection: &mut Connection<S>,
    service: &V,
    mail: MailFrom,
    recipients: Vec<V::Recipient>,
    message: Result<Vec<u8>, DataFault>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    V: Service,
{
    let replies = match message {
        Err(fault) if service.answers_each_recipient() => vec![fault.reply(); recipients.len()],
        Err(fault) => vec![fault.reply()],
        Ok(message) => {
            let transaction = Transaction {
                mail,
                recipients,
                message,
            };
            service.message(transaction).await
        }
    };
    for reply in &replies {
        connection.reply(reply);
    }
}

fn out_of_order(text: &str) -> Reply {
    Reply::new(503, "5.5.1", text)
}

fn line_fault(fault: LineFault) -> Reply {
    Reply::new(500, "5.5.2", &fault.to_string())
}
