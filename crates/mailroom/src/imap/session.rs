//! A session: which function carries out which command, and what is reported between commands.

use sekisho_imap::command::{
    Body, Command, FetchItem, MailboxEncoding, Resynchronization, StatusItem,
};
use sekisho_imap::{MailboxName, Tag, encode};
use sekisho_store::{Changes, FolderId, FolderName, Mailbox, ModSeq, StoreError, UidSet};
use tokio::sync::watch;

use super::reply::{CommandError, Done, ResponseWriter};
use super::view::{Manner, View};
use super::{Imap, ServeError, capability};

pub(super) struct Session {
    pub(super) mailbox: Mailbox,
    pub(super) imap: Imap,
    pub(super) view: Option<View>,
    /// The client has shown that it knows mod-sequences (RFC 7162, section 3.1), so it gets them.
    pub(super) condstore: bool,
    /// The client wants `VANISHED` instead of `EXPUNGE` (RFC 7162, section 3.2).
    pub(super) qresync: bool,
    /// The client reads and writes UTF-8, and searches without naming a character set (RFC 6855, section 3).
    pub(super) accepts_utf8: bool,
    /// The client wants the answers of IMAP4rev2 (RFC 9051, appendix E).
    pub(super) rev2: bool,
    /// The stream is compressed (RFC 4978).
    compressed: bool,
    /// What a command learnt of the selected folder, to be reported at its end.
    pub(super) news: Option<Changes>,
    changes: watch::Receiver<ModSeq>,
}

/// What happens after a command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Logout,
    /// What follows is compressed, in both directions.
    Compress,
    /// Another session deleted the selected folder, so its messages have no numbers any more.
    FolderGone,
}

pub(super) type Answer = Result<Done, CommandError>;

impl Session {
    pub(super) fn new(mailbox: Mailbox, imap: Imap) -> Self {
        let changes = mailbox.watch();
        Self {
            mailbox,
            imap,
            view: None,
            condstore: false,
            qresync: false,
            accepts_utf8: false,
            rev2: false,
            compressed: false,
            news: None,
            changes,
        }
    }

    /// Whether the client reads and writes UTF-8 (RFC 6855; RFC 9051, appendix E).
    pub(super) fn utf8(&self) -> bool {
        self.accepts_utf8 || self.rev2
    }

    /// How the client writes folders' names.
    pub(super) fn names(&self) -> MailboxEncoding {
        if self.utf8() {
            MailboxEncoding::Utf8
        } else {
            MailboxEncoding::Utf7
        }
    }

    /// Resolves when something has changed in the mailbox since the last [`Self::catch_up`].
    pub(super) async fn news(&mut self) {
        if self.changes.changed().await.is_err() {
            // The store is being closed; whoever closes it ends the session as well.
            std::future::pending::<()>().await;
        }
    }

    /// Carries out one command and writes its answer.
    pub(super) async fn handle(
        &mut self,
        command: Command,
        out: &mut ResponseWriter<'_>,
    ) -> Result<Flow, ServeError> {
        let Command { tag, body } = command;
        let logout = matches!(body, Body::Logout);
        let compressed = self.compressed;
        let expunge = allows_expunge(&body);
        let answer = match self.carry_out(&tag, body, out).await {
            Err(CommandError::End(error)) => return Err(error),
            answer => answer,
        };
        if let Err(CommandError::Store(error @ StoreError::Broken(_))) = &answer {
            tracing::error!(?error, "the store failed an IMAP command");
        }
        if !logout && self.catch_up(expunge, out).await == Flow::FolderGone {
            return Ok(Flow::FolderGone);
        }
        out.tagged(&tag, &answer);
        out.make_room().await?;
        Ok(match (logout, self.compressed != compressed) {
            (true, _) => Flow::Logout,
            (false, true) => Flow::Compress,
            (false, false) => Flow::Next,
        })
    }

    /// Reports what happened in the selected folder since the last time.
    pub(super) async fn catch_up(&mut self, expunge: bool, out: &mut ResponseWriter<'_>) -> Flow {
        let newest = *self.changes.borrow_and_update();
        let news = self.news.take();
        let manner = Manner {
            expunge,
            uid: self.condstore,
            modseq: self.condstore,
            vanished: self.qresync,
        };
        let Some(view) = &mut self.view else {
            return Flow::Next;
        };
        if let Some(news) = news {
            view.apply(&news, out, manner);
        }
        if newest > view.seen {
            match view.catch_up(&self.mailbox, out, manner).await {
                Ok(()) => return Flow::Next,
                Err(StoreError::NoSuchFolder) => return Flow::FolderGone,
                Err(error) => tracing::error!(?error, "the store failed to tell of changes"),
            }
        }
        if expunge {
            view.tell_gone(out, self.qresync);
        }
        Flow::Next
    }

    /// The selected folder.
    pub(super) fn selected(&mut self) -> Result<&mut View, CommandError> {
        self.view
            .as_mut()
            .ok_or(CommandError::Bad("no folder is selected"))
    }

    /// The selected folder, if it may be changed.
    pub(super) fn writable(&mut self) -> Result<&mut View, CommandError> {
        let view = self.selected()?;
        if view.read_only {
            return Err(CommandError::No(
                "NOPERM",
                "the folder was opened for reading only",
            ));
        }
        Ok(view)
    }

    async fn carry_out(&mut self, tag: &Tag, body: Body, out: &mut ResponseWriter<'_>) -> Answer {
        match body {
            Body::Capability => {
                let size = self.imap.store.limits().message_size;
                out.untagged(format_args!("CAPABILITY {}", capability(size)));
                Ok(Done::plain("that is what works"))
            }
            Body::Noop | Body::Check => Ok(Done::plain("done")),
            Body::Logout => {
                out.bye("good-bye");
                Ok(Done::plain("logged out"))
            }
            Body::StartTls | Body::Authenticate { .. } | Body::Login { .. } => {
                Err(CommandError::Bad("this session is logged in already"))
            }
            Body::Id(_) => {
                out.untagged(format_args!("ID (\"name\" \"Sekisho\")"));
                Ok(Done::plain("pleased to meet you"))
            }
            Body::Enable(wanted) => {
                let asked = |name: &str| wanted.iter().any(|word| word == name);
                self.qresync |= asked("QRESYNC");
                self.condstore |= asked("CONDSTORE") || self.qresync;
                self.rev2 |= asked("IMAP4REV2");
                self.accepts_utf8 |= asked("UTF8=ACCEPT");
                out.words(format_args!("* ENABLED"));
                let known = ["CONDSTORE", "QRESYNC", "UTF8=ACCEPT", "IMAP4rev2"];
                for name in known.into_iter().filter(|n| asked(&n.to_uppercase())) {
                    out.words(format_args!(" {name}"));
                }
                out.end_line();
                Ok(Done::plain("enabled what is known"))
            }
            Body::Namespace => {
                out.untagged(format_args!("NAMESPACE ((\"\" \"/\")) NIL NIL"));
                Ok(Done::plain("one namespace"))
            }
            Body::Select {
                mailbox,
                read_only,
                condstore,
                resync,
            } => {
                if resync.is_some() && !self.qresync {
                    return Err(CommandError::Bad("ENABLE QRESYNC comes first"));
                }
                self.condstore |= condstore;
                self.select(&mailbox, read_only, resync.as_ref(), out).await
            }
            Body::Create {
                mailbox,
                special_use,
            } => self.create(&mailbox, special_use).await,
            Body::Delete(mailbox) => self.delete(&mailbox).await,
            Body::Rename { from, to } => self.rename(&from, &to).await,
            Body::Subscribe(mailbox) => self.subscribe(&mailbox, true).await,
            Body::Unsubscribe(mailbox) => self.subscribe(&mailbox, false).await,
            Body::List(list) => self.list(&list, out).await,
            Body::Lsub { reference, pattern } => self.lsub(&reference, &pattern, out).await,
            Body::Status { mailbox, items } => {
                self.condstore |= items.contains(&StatusItem::HighestModSeq);
                self.status(&mailbox, &items, out).await
            }
            Body::Append(append) => self.append(append).await,
            Body::Close => self.close().await,
            Body::Unselect => {
                self.selected()?;
                self.view = None;
                Ok(Done::plain("no folder is selected now"))
            }
            Body::Expunge(set) => self.expunge(set.as_ref()).await,
            Body::Search(search) => self.search(tag, &search, out).await,
            Body::Sort(sort) => self.sort(tag, &sort, out).await,
            Body::Thread(thread) => self.thread(&thread, out).await,
            Body::Fetch(fetch) => {
                self.condstore |=
                    fetch.changed_since.is_some() || fetch.items.contains(&FetchItem::ModSeq);
                self.fetch(&fetch, out).await
            }
            Body::Store(store) => {
                self.condstore |= store.unchanged_since.is_some();
                self.store(&store, out).await
            }
            Body::Copy {
                set,
                uid,
                mailbox,
                remove,
            } => self.copy(&set, uid, &mailbox, remove, out).await,
            Body::GetQuotaRoot(mailbox) => self.quota_root(&mailbox, out).await,
            Body::GetQuota(root) => self.quota(&root, out).await,
            Body::SetQuota(_) => Err(CommandError::No("NOPERM", "quotas are the site's to set")),
            Body::Compress(algorithm) => self.compress(&algorithm),
            Body::Idle => Err(CommandError::Bad("IDLE comes alone")),
        }
    }

    fn compress(&mut self, algorithm: &str) -> Answer {
        if algorithm != "DEFLATE" {
            return Err(CommandError::Bad("the algorithm is DEFLATE"));
        }
        if self.compressed {
            return Err(CommandError::No(
                "COMPRESSIONACTIVE",
                "the stream is compressed",
            ));
        }
        self.compressed = true;
        Ok(Done::plain("compressed from here on"))
    }

    /// `SELECT` and `EXAMINE` (RFC 3501, section 6.3.1; RFC 7162, sections 3.1.2 and 3.2.5). Even if they fail, the
    /// folder that was selected is no longer.
    async fn select(
        &mut self,
        mailbox: &MailboxName,
        read_only: bool,
        resync: Option<&Resynchronization>,
        out: &mut ResponseWriter<'_>,
    ) -> Answer {
        if self.view.take().is_some() {
            out.untagged(format_args!("OK [CLOSED] the folder before is closed"));
        }
        let folder = self.mailbox.folder(&existing(mailbox)?).await?;
        let snapshot = self.mailbox.snapshot(folder.id).await?;
        let (uid_validity, uid_next) = (snapshot.uid_validity, snapshot.uid_next);
        let view = self.view.insert(View::new(folder.id, read_only, snapshot));
        view.tell_flags(out);
        out.words(format_args!("* OK [PERMANENTFLAGS ("));
        if !read_only {
            view.list_flags(out);
            out.words(format_args!(" \\*"));
        }
        out.words(format_args!(")] these can be kept\r\n"));
        out.untagged(format_args!("{} EXISTS", view.count()));
        if self.rev2 {
            // RFC 9051, section 6.3.2: the folder's name as the server has it, but neither RECENT nor UNSEEN.
            out.words(format_args!("* LIST () \"/\" "));
            encode::mailbox_utf8(out.bytes(), folder.name.as_str());
            out.end_line();
        } else {
            out.untagged(format_args!("0 RECENT"));
        }
        let unseen = view
            .messages()
            .iter()
            .position(|message| !message.flags.contains(&sekisho_imap::Flag::Seen));
        if let (Some(at), false) = (unseen, self.rev2) {
            out.untagged(format_args!(
                "OK [UNSEEN {}] the first one not seen",
                at + 1
            ));
        }
        out.untagged(format_args!("OK [UIDVALIDITY {uid_validity}] UIDs hold"));
        out.untagged(format_args!("OK [UIDNEXT {uid_next}] the next one"));
        out.untagged(format_args!(
            "OK [HIGHESTMODSEQ {}] the newest change",
            view.modseq
        ));
        out.untagged(format_args!(
            "OK [MAILBOXID ({})] its identity",
            mailbox_id(folder.id)
        ));
        if let Some(known) = resync {
            self.resynchronize(known, uid_validity, out).await?;
        }
        let code = if read_only { "READ-ONLY" } else { "READ-WRITE" };
        Ok(Done::with(code.to_owned(), "selected"))
    }

    /// `CLOSE`: as UNSELECT, but messages with `\Deleted` are removed without a response.
    async fn close(&mut self) -> Answer {
        let view = self.selected()?;
        let (folder, read_only, modseq) = (view.folder, view.read_only, view.modseq);
        self.view = None;
        if read_only {
            return Ok(Done::plain("closed"));
        }
        let gone = self.mailbox.expunge(folder, UidSet::all()).await?;
        if self.condstore && !gone.is_empty() {
            // Only if nobody else changed anything: the client must not take for known what it was not told (RFC 7162,
            // section 3.2.7).
            let changes = self.mailbox.changes(folder, modseq).await?;
            if changes.changed.is_empty() && changes.expunged == gone {
                let code = format!("HIGHESTMODSEQ {}", changes.highest_modseq);
                return Ok(Done::with(code, "closed"));
            }
        }
        Ok(Done::plain("closed"))
    }
}

/// A folder's identity as clients see it (RFC 8474).
pub(super) fn mailbox_id(folder: FolderId) -> String {
    format!("F{folder}")
}

/// The name of a folder that should exist; a name that no folder can have names none.
pub(super) fn existing(mailbox: &MailboxName) -> Result<FolderName, CommandError> {
    FolderName::parse(mailbox.as_str())
        .map_err(|_| CommandError::No("NONEXISTENT", "no folder can have this name"))
}

/// Whether EXPUNGE may be sent at the command's end (RFC 3501, section 7.4.1): not after commands that use message
/// numbers, because the client may have sent more of them already.
fn allows_expunge(body: &Body) -> bool {
    match body {
        Body::Fetch(fetch) => fetch.uid,
        Body::Store(store) => store.uid,
        Body::Search(search) => search.uid,
        Body::Sort(sort) => sort.uid,
        Body::Thread(thread) => thread.uid,
        _ => true,
    }
}
