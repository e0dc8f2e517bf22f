//! `sekisho grant`.

use clap::Subcommand;
use sekisho_checkpoint::audit::EventKind;

use super::account;
use crate::config::Plan;
use crate::rooms::Rooms;
use crate::terminal::{in_zone, say};

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

pub(super) async fn run(plan: &Plan, command: GrantCommand) -> anyhow::Result<()> {
    let rooms = Rooms::for_command_line(plan).await?;
    match command {
        GrantCommand::List { login } => {
            let found = account::find(rooms.directory.as_ref(), &login).await?;
            let (_, grants) = rooms.checkpoint.desk_standing(found.id).await?;
            if grants.is_empty() {
                say("no live grants");
            }
            for grant in grants {
                let network = rooms
                    .checkpoint
                    .network_name(grant.address)
                    .unwrap_or_default();
                say(&format!(
                    "{:<40} {:<16} {:<13} until {}",
                    grant.source.to_string(),
                    network,
                    grant.factor.as_str(),
                    in_zone(grant.expires_at, &plan.site.zone)
                ));
            }
        }
        GrantCommand::End { login, reason } => {
            let found = account::find(rooms.directory.as_ref(), &login).await?;
            rooms
                .checkpoint
                .desk_end_everything(&found, EventKind::GrantEnded, &reason)
                .await?;
            say(&format!("everything of {login} is ended"));
        }
    }
    Ok(())
}
