//! The folders of an account: their order, their names in the person's language, and the column that lists them.

use maud::{Markup, html};
use sekisho_mailclient::{Error, Folder, Imap, MailboxName, SpecialUse};

use super::place;
use crate::lang::Lang;

/// The folders in the order of pages: INBOX, those with a use, all others.
pub(super) struct Folders(Vec<Folder>);

/// The order of those with a use.
const ORDER: [SpecialUse; 7] = [
    SpecialUse::Drafts,
    SpecialUse::Sent,
    SpecialUse::Archive,
    SpecialUse::Junk,
    SpecialUse::Trash,
    SpecialUse::Flagged,
    SpecialUse::All,
];

impl Folders {
    /// Asks the mail server.
    pub(super) async fn of(imap: &mut Imap) -> Result<Self, Error> {
        imap.folders().await.map(Self::new)
    }

    /// Puts folders in order. Where the server doesn't tell what folders are for, their usual names do.
    pub(super) fn new(mut folders: Vec<Folder>) -> Self {
        for special_use in ORDER {
            if folders
                .iter()
                .any(|folder| folder.special_use == Some(special_use))
            {
                continue;
            }
            let guessed = folders.iter_mut().find(|folder| {
                folder.special_use.is_none()
                    && usual_names(special_use).contains(&folder.name.as_str())
            });
            if let Some(folder) = guessed {
                folder.special_use = Some(special_use);
            }
        }
        folders.sort_by_cached_key(|folder| {
            let rank = folder
                .special_use
                .and_then(|special| ORDER.iter().position(|s| *s == special));
            (
                !folder.name.is_inbox(),
                rank.unwrap_or(ORDER.len()),
                folder.name.as_str().to_lowercase(),
            )
        });
        Self(folders)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Folder> {
        self.0.iter()
    }

    pub(super) fn get(&self, name: &MailboxName) -> Option<&Folder> {
        self.0.iter().find(|folder| folder.name == *name)
    }

    /// The folder for a use.
    pub(super) fn with_use(&self, special_use: SpecialUse) -> Option<&Folder> {
        self.0
            .iter()
            .find(|folder| folder.special_use == Some(special_use))
    }

    /// Whether a folder is for a use.
    pub(super) fn is(&self, name: &MailboxName, special_use: SpecialUse) -> bool {
        self.get(name)
            .is_some_and(|folder| folder.special_use == Some(special_use))
    }

    /// The folder for a use; it is made if there is none.
    pub(super) async fn need(
        &self,
        imap: &mut Imap,
        special_use: SpecialUse,
    ) -> Result<MailboxName, Error> {
        if let Some(folder) = self.with_use(special_use) {
            return Ok(folder.name.clone());
        }
        let name = usual_names(special_use)
            .first()
            .copied()
            .unwrap_or("Archive");
        let name = MailboxName::new(name).map_err(|_| Error::Unsendable)?;
        match imap.create(&name).await {
            Err(error) if !error.is_folder_exists() => Err(error),
            _ => Ok(name),
        }
    }

    /// The column of folders.
    pub(super) fn column(&self, lang: Lang, here: Option<&MailboxName>) -> Markup {
        html! {
            ul.folders {
                @for folder in &self.0 {
                    @let depth = if folder.special_use.is_some() { 0 }
                    else { folder.path().len().saturating_sub(1).min(4) };
                    @let unseen = shown_unseen(folder);
                    li class=(format!("depth-{depth}")) {
                        @if folder.selectable {
                            a href=(place::folder(&folder.name))
                                aria-current=[(Some(&folder.name) == here).then_some("page")]
                                class=[unseen.map(|_| "has-unread")] {
                                span { (label(folder, lang)) }
                                @if let Some(unseen) = unseen {
                                    span.count aria-label=(t!(lang, "mail-unread-count", count = unseen)) { (unseen) }
                                }
                            }
                        } @else {
                            span.nothing { (label(folder, lang)) }
                        }
                    }
                }
            }
        }
    }

    /// The folders that a message can be moved to.
    pub(super) fn targets<'f>(&'f self, here: &'f MailboxName) -> impl Iterator<Item = &'f Folder> {
        let gathers = |folder: &&Folder| {
            !matches!(
                folder.special_use,
                Some(SpecialUse::All | SpecialUse::Flagged)
            )
        };
        self.0
            .iter()
            .filter(|folder| folder.selectable)
            .filter(gathers)
            .filter(move |folder| folder.name != *here)
    }
}

/// Unread messages count where people wait for messages, and drafts where they are to be finished.
fn shown_unseen(folder: &Folder) -> Option<u32> {
    let count = match folder.special_use {
        Some(SpecialUse::Drafts) => folder.messages,
        Some(SpecialUse::Sent | SpecialUse::Trash | SpecialUse::All) => None,
        _ => folder.unseen,
    };
    count.filter(|count| *count > 0)
}

/// A folder's name in the person's language: the last level of its name, or what it is for.
pub(super) fn label(folder: &Folder, lang: Lang) -> String {
    if folder.name.is_inbox() {
        return t!(lang, "inbox");
    }
    match folder.special_use {
        Some(SpecialUse::Drafts) => t!(lang, "mail-folder-drafts"),
        Some(SpecialUse::Sent) => t!(lang, "mail-folder-sent"),
        Some(SpecialUse::Archive) => t!(lang, "mail-folder-archive"),
        Some(SpecialUse::Junk) => t!(lang, "mail-folder-junk"),
        Some(SpecialUse::Trash) => t!(lang, "mail-folder-trash"),
        Some(SpecialUse::Flagged) => t!(lang, "mail-folder-flagged"),
        Some(SpecialUse::All) => t!(lang, "mail-folder-all"),
        None => folder
            .path()
            .last()
            .map_or_else(|| folder.name.to_string(), ToString::to_string),
    }
}

/// Names that mail programs give to folders for a use; the first is the one that is made.
fn usual_names(special_use: SpecialUse) -> &'static [&'static str] {
    match special_use {
        SpecialUse::Drafts => &["Drafts", "INBOX.Drafts", "下書き"],
        SpecialUse::Sent => &[
            "Sent",
            "Sent Messages",
            "Sent Items",
            "INBOX.Sent",
            "送信済み",
        ],
        SpecialUse::Archive => &["Archive", "Archives", "INBOX.Archive", "アーカイブ"],
        SpecialUse::Junk => &["Junk", "Spam", "Junk E-mail", "INBOX.Junk", "迷惑メール"],
        SpecialUse::Trash => &[
            "Trash",
            "Deleted Messages",
            "Deleted Items",
            "INBOX.Trash",
            "ゴミ箱",
        ],
        SpecialUse::Flagged | SpecialUse::All => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, special_use: Option<SpecialUse>) -> Folder {
        Folder {
            name: MailboxName::new(name).expect("a name"),
            delimiter: Some('/'),
            special_use,
            selectable: true,
            messages: Some(3),
            unseen: Some(2),
        }
    }

    #[test]
    fn folders_with_a_use_come_first_in_the_persons_language() {
        let folders = Folders::new(vec![
            folder("INBOX", None),
            folder("Abc", None),
            folder("Deleted Items", None),
            folder("Entwuerfe", Some(SpecialUse::Drafts)),
            folder("Abc/研究", None),
        ]);
        let labels: Vec<_> = folders.iter().map(|f| label(f, Lang::Ja)).collect();
        assert_eq!(labels, ["受信箱", "下書き", "ゴミ箱", "Abc", "研究"]);
        let column = folders.column(Lang::En, None).into_string();
        assert!(column.contains("Inbox"), "{column}");
        assert_eq!(column.matches("class=\"count\"").count(), 4);
    }
}
