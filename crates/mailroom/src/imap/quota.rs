//! Quotas (RFC 9208). There is one root, named "", for all folders of the account. It counts every message in every
//! folder by its RFC822.SIZE, and a copy as often as it is there. The site sets the limits.

use sekisho_imap::MailboxName;

use super::folders::encode_name;
use super::reply::{CommandError, Done, ResponseWriter};
use super::session::{Answer, Session, existing};

impl Session {
    /// `GETQUOTAROOT` (section 4.1.2)
    pub(super) async fn quota_root(
        &mut self,
        mailbox: &MailboxName,
        out: &mut ResponseWriter<'_>,
    ) -> Answer {
        let folder = self.mailbox.folder(&existing(mailbox)?).await?;
        out.words(format_args!("* QUOTAROOT "));
        encode_name(out, folder.name.as_str(), self.utf8());
        out.words(format_args!(" \"\"\r\n"));
        self.quota(b"", out).await
    }

    /// `GETQUOTA` (section 4.1.1). Storage is counted in units of 1,024 bytes, rounded up.
    pub(super) async fn quota(&mut self, root: &[u8], out: &mut ResponseWriter<'_>) -> Answer {
        if !root.is_empty() {
            return Err(CommandError::No(
                "NONEXISTENT",
                "the only quota root is \"\"",
            ));
        }
        let usage = self.mailbox.usage().await?;
        let limits = self.imap.store.limits();
        let units = |bytes: u64| bytes.div_ceil(1_024);
        let resources = [
            ("STORAGE", units(usage.bytes), limits.quota_bytes.map(units)),
            ("MESSAGE", usage.messages, limits.quota_messages),
        ];
        out.words(format_args!("* QUOTA \"\" ("));
        let mut space = "";
        for (name, used, limit) in resources {
            if let Some(limit) = limit {
                out.words(format_args!("{space}{name} {used} {limit}"));
                space = " ";
            }
        }
        out.words(format_args!(")\r\n"));
        Ok(Done::plain(
            "all folders count, each copy of a message by its size",
        ))
    }
}
