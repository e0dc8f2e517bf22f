//! Looks up which servers take mail for a domain (RFC 5321 section 5.1).

use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::RData;

/// The highest number of a domain's servers that are tried.
const MOST: usize = 10;

/// A resolver that asks the name servers of the operating system's configuration.
pub struct MailHosts {
    resolver: TokioResolver,
}

/// A server that takes a domain's mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailHost {
    /// Its name, without a final dot.
    pub name: String,
    /// The MX preference; servers with lower values are tried first.
    pub preference: u16,
}

/// Why the servers could not be found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// There is no such domain.
    #[error("there is no such domain")]
    NoDomain,
    /// The domain says that it takes no mail (RFC 7505 section 3).
    #[error("the domain takes no mail")]
    NoMail,
    /// The lookup failed for now: try again later.
    #[error("the domain's mail servers can't be looked up: {0}")]
    Temporary(String),
}

impl MailHosts {
    /// Reads the operating system's configuration (`/etc/resolv.conf`).
    ///
    /// # Errors
    /// [`DnsError::Temporary`] if it can't be read.
    pub fn of_system() -> Result<Self, DnsError> {
        let broken =
            |error: hickory_resolver::net::NetError| DnsError::Temporary(error.to_string());
        let builder = TokioResolver::builder_tokio().map_err(broken)?;
        Ok(Self {
            resolver: builder.build().map_err(broken)?,
        })
    }

    /// The servers of a domain, in the order in which to try them. A domain without MX records is its own server.
    ///
    /// # Errors
    /// As [`DnsError`] says.
    pub async fn of(&self, domain: &str) -> Result<Vec<MailHost>, DnsError> {
        // The final dot keeps the resolver from trying the search domains of the system's configuration.
        let name = format!("{}.", domain.trim_end_matches('.'));
        let found = match self.resolver.mx_lookup(name).await {
            Ok(found) => found,
            Err(error) if error.is_nx_domain() => return Err(DnsError::NoDomain),
            Err(error) if error.is_no_records_found() => return Ok(vec![itself(domain)]),
            Err(error) => return Err(DnsError::Temporary(error.to_string())),
        };
        let mut hosts = Vec::new();
        for record in found.answers() {
            if let RData::MX(mx) = &record.data {
                hosts.push(MailHost {
                    name: mx.exchange.to_utf8().trim_end_matches('.').to_owned(),
                    preference: mx.preference,
                });
            }
        }
        in_order(domain, hosts)
    }
}

impl std::fmt::Debug for MailHosts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailHosts").finish_non_exhaustive()
    }
}

fn itself(domain: &str) -> MailHost {
    MailHost {
        name: domain.to_owned(),
        preference: 0,
    }
}

fn in_order(domain: &str, mut hosts: Vec<MailHost>) -> Result<Vec<MailHost>, DnsError> {
    if hosts.is_empty() {
        return Ok(vec![itself(domain)]);
    }
    if hosts.iter().all(|host| host.name.is_empty()) {
        return Err(DnsError::NoMail);
    }
    hosts.retain(|host| !host.name.is_empty());
    // The sort is stable: servers of equal preference stay in the order of the answer, which name servers rotate.
    hosts.sort_by_key(|host| host.preference);
    hosts.truncate(MOST);
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, preference: u16) -> MailHost {
        MailHost {
            name: name.to_owned(),
            preference,
        }
    }

    #[test]
    fn preferred_servers_come_first_and_a_lone_dot_takes_no_mail() {
        let order = in_order(
            "far.example",
            vec![host("b", 20), host("a", 10), host("c", 20)],
        );
        assert_eq!(order, Ok(vec![host("a", 10), host("b", 20), host("c", 20)]));
        assert_eq!(
            in_order("far.example", vec![]),
            Ok(vec![host("far.example", 0)])
        );
        assert_eq!(
            in_order("far.example", vec![host("", 0)]),
            Err(DnsError::NoMail)
        );
    }
}
