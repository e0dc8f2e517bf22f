//! The site's LDAP directory as configured.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sekisho_checkpoint::ports::Directory;
use sekisho_directory::{LdapDirectory, LdapSecurity, LdapSettings};
use sekisho_net::client::Roots;

use crate::config::check::server_address;
use crate::config::{Config, ServerTls};
use crate::secrets;

/// The directory; none if accounts are kept here.
///
/// # Errors
/// A file can't be read.
pub(crate) fn directory(config: &Config) -> anyhow::Result<Option<Arc<dyn Directory>>> {
    let section = &config.ldap;
    if section.servers.is_empty() {
        return Ok(None);
    }
    let (security, port) = match section.tls {
        ServerTls::None => (LdapSecurity::None, 389),
        ServerTls::Starttls => (LdapSecurity::StartTls, 389),
        ServerTls::Implicit => (LdapSecurity::Implicit, 636),
    };
    let search_as = match (&section.user, &section.password_file) {
        (Some(user), Some(file)) => Some((user.clone(), secrets::read(file)?)),
        _ => None,
    };
    let servers = section.servers.iter();
    let directory = LdapDirectory::new(LdapSettings {
        servers: servers
            .filter_map(|text| server_address(text, port))
            .collect(),
        security,
        roots: section.ca_file.clone().map_or(Roots::System, Roots::File),
        search_as,
        base: section.base.clone(),
        filter: section.filter.clone(),
        id: section.id.clone(),
        login: section.login.clone(),
        name: section.name.clone(),
        addresses: if section.addresses.is_empty() {
            vec!["mail".to_owned()]
        } else {
            section.addresses.clone()
        },
        groups: section.groups.clone(),
        group_base: section.group_base.clone(),
        group_filter: section.group_filter.clone(),
        domain: config.site.domains.first().cloned().unwrap_or_default(),
        time_limit: Duration::try_from(section.time_limit)?,
        password_url: section.password_url.clone(),
    })
    .context("[ldap]")?;
    Ok(Some(Arc::new(directory)))
}
