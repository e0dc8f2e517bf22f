//! `sekisho key`.

use anyhow::Context as _;
use clap::Subcommand;

use crate::config::Plan;
use crate::keys;
use crate::rooms::Rooms;
use crate::terminal::say;

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Show the number of the key that seals now.
    Show,
    /// Add a key and seal every factor anew with it. Restart the service afterwards.
    Rotate,
    /// Show the DNS record that belongs to `[dkim]`.
    Dkim,
}

pub(super) async fn run(plan: &Plan, command: KeyCommand) -> anyhow::Result<()> {
    let path = &plan.site.keys;
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
            let rooms = Rooms::for_command_line(plan).await?;
            let resealed = rooms.checkpoint.reseal().await?;
            say(&format!(
                "key {} seals now; {resealed} factors were sealed anew. Restart the service, then the older lines of \
                 {} can go to the archive, all but the first, by which codes are known.",
                keys::load(path, false)?.current().0,
                path.display()
            ));
        }
        KeyCommand::Dkim => {
            let signing = plan.signing.as_ref();
            let signing =
                signing.context("[dkim] has no `selector` and `key_file`: nothing is signed")?;
            let (name, text) = signing.open(&plan.site)?.record();
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
