//! `sekisho grant` and `sekisho key`.

use anyhow::Context;
use clap::Subcommand;
use jiff::tz::TimeZone;
use sekisho_checkpoint::audit::What;

use super::{account, say};
use crate::config::Loaded;
use crate::keys;
use crate::system::Desk;

#[derive(Debug, Subcommand)]
pub(super) enum GrantCommand {
    /// List the live grants of an account.
    List {
        /// The login name.
        login: String,
    },
    /// End everything of an account: grants, sessions, connections.
    End {
        /// The login name.
        login: String,
        /// Why, for the audit table.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Show the number of the key that seals now.
    Show,
    /// Add a key and seal every factor anew with it. Restart the service afterwards.
    Rotate,
    /// Show the DNS record that belongs to `[dkim]`.
    Dkim,
}

pub(super) async fn run_grant(loaded: &Loaded, command: GrantCommand) -> anyhow::Result<()> {
    let desk = Desk::open(loaded).await?;
    match command {
        GrantCommand::List { login } => {
            let found = account::find(desk.directory.as_ref(), &login).await?;
            let (_, grants) = desk.checkpoint.desk_standing(found.id).await?;
            if grants.is_empty() {
                say("no live grants");
            }
            for grant in grants {
                let network = desk
                    .checkpoint
                    .network_name(grant.address)
                    .unwrap_or_default();
                say(&format!(
                    "{:<40} {:<16} {:<13} until {}",
                    grant.source.to_string(),
                    network,
                    grant.factor.as_str(),
                    in_zone(grant.expires_at, &loaded.zone)
                ));
            }
        }
        GrantCommand::End { login, reason } => {
            let found = account::find(desk.directory.as_ref(), &login).await?;
            desk.checkpoint
                .desk_end_everything(&found, What::GrantEnded, &reason)
                .await?;
            say(&format!("everything of {login} is ended"));
        }
    }
    Ok(())
}

pub(super) async fn run_key(loaded: &Loaded, command: KeyCommand) -> anyhow::Result<()> {
    let path = &loaded.config.site.keys;
    match command {
        KeyCommand::Show => {
            let ring = keys::load(path, false)?;
            say(&format!(
                "key {} of {} seals",
                ring.current().0,
                path.display()
            ));
        }
        KeyCommand::Rotate => {
            keys::add(path).context("adding a key")?;
            let desk = Desk::open(loaded).await?;
            let resealed = desk.checkpoint.reseal_factors().await?;
            say(&format!(
                "key {} seals now; {resealed} factors were sealed anew. Restart the service, then the older lines of {} can go to the archive.",
                keys::load(path, false)?.current().0,
                path.display()
            ));
        }
        KeyCommand::Dkim => {
            let dkim = crate::serve::dkim(&loaded.config)?;
            let dkim =
                dkim.context("[dkim] has no `selector` and `key_file`: nothing is signed")?;
            let (name, text) = dkim.record();
            say(&format!("{name}. IN TXT ("));
            // A string of a TXT record has at most 255 bytes (RFC 6376, section 3.6.2.2).
            for piece in text.as_bytes().chunks(200) {
                say(&format!("    \"{}\"", String::from_utf8_lossy(piece)));
            }
            say(")");
        }
    }
    Ok(())
}

/// A time in the site's zone, with its name.
pub(super) fn in_zone(at: jiff::Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S %Z")
        .to_string()
}
