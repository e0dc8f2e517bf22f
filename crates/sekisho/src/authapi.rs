//! The auth API as configured: where servers that stay in front ask.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sekisho_authapi::{Api, Backends, Cutter};
use sekisho_checkpoint::Password;
use sekisho_net::Shutdown;
use sekisho_net::client::{Connector, Roots};
use sekisho_source::KeyLength;

use crate::config::AuthApiSection;
use crate::config::check::server_address;
use crate::secrets;
use crate::system::System;

/// How long connecting to Dovecot may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What answers those who ask.
///
/// # Errors
/// A file can't be read.
pub(crate) fn api(
    section: &AuthApiSection,
    system: &System,
    key_length: KeyLength,
) -> anyhow::Result<Arc<Api>> {
    let secret = match &section.secret_file {
        Some(file) => read(file).context("`secret_file` of [authapi]")?,
        // Then nobody asks over HTTP.
        None => Password::new(String::new()),
    };
    Ok(Arc::new(Api {
        checkpoint: Arc::clone(&system.checkpoint),
        clock: system.clock(),
        key_length,
        secret,
        backends: Backends {
            imap: section.nginx_imap,
            pop3: section.nginx_pop3,
            submission: section.nginx_submission,
        },
        user: section.user.clone(),
        cutter: cutter(section, &system.shutdown)?,
    }))
}

/// What has Dovecot close connections, if that is configured.
///
/// # Errors
/// A file can't be read.
pub(crate) fn cutter(section: &AuthApiSection, until: &Shutdown) -> anyhow::Result<Option<Cutter>> {
    let (Some(server), Some(file)) = (&section.doveadm, &section.doveadm_key_file) else {
        return Ok(None);
    };
    let server = server_address(server, 0).context("[authapi] doveadm")?;
    let roots = section.doveadm_ca_file.clone();
    let roots = roots.map_or(Roots::System, Roots::File);
    let connector = Connector::new(&roots, PATIENCE)?;
    let key = read(file).context("`doveadm_key_file` of [authapi]")?;
    let (tls, until) = (section.doveadm_tls, until.clone());
    Ok(Some(Cutter::new(connector, server, tls, key, until)))
}

/// Reads a secret that may not be empty: anybody can show that.
fn read(file: &Path) -> anyhow::Result<Password> {
    let secret = secrets::read(file)?;
    anyhow::ensure!(!secret.expose().is_empty(), "{} is empty", file.display());
    Ok(secret)
}
