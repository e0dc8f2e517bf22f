//! `[web]`: the browser door.

use std::net::SocketAddr;

use ipnet::IpNet;
use sekisho_net::{ForwardedPolicy, Peers, SourceFrom};
use sekisho_source::KeyLength;

use super::site::Site;
use crate::config::problem::Findings;
use crate::config::read::{List, values};
use crate::config::section::section;

section! {
    /// The browser door.
    pub(in crate::config) struct WebSection("[web]") {
        /// Where the webmail listens.
        listen: List<SocketAddr> = Vec::new(),
        /// Where the OTP app listens.
        app_listen: List<SocketAddr> = Vec::new(),
        /// Whether these listeners speak TLS themselves; `false` behind a reverse proxy.
        tls: bool = true,
        /// Reverse proxies whose `X-Forwarded-For` is believed. Without them no forwarding header is ever believed.
        proxies: List<IpNet> = Vec::new(),
        /// Load balancers that speak the PROXY protocol to these listeners; when set, it is required.
        proxy_protocol: List<IpNet> = Vec::new(),
        /// The largest message that can be written in the webmail, in bytes.
        max_message: usize = 25 * 1024 * 1024,
    }
}

/// The browser door.
#[derive(Debug, Clone)]
pub(crate) struct Web {
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) app_listen: Vec<SocketAddr>,
    /// Whether the listeners speak TLS themselves.
    pub(crate) tls: bool,
    proxies: Peers,
    /// From what the listeners take the source of a connection.
    pub(crate) source: SourceFrom,
    max_message: usize,
}

impl WebSection {
    pub(in crate::config) fn check(&self, findings: &mut Findings<'_>) -> Web {
        let Self {
            header: _,
            listen,
            app_listen,
            tls,
            proxies,
            proxy_protocol,
            max_message,
        } = self;
        if !**tls && proxies.is_empty() && proxy_protocol.is_empty() {
            let text = "without TLS this listener is meant for a reverse proxy, but `proxies` names none: \
                        requests that it forwards have an unknown source, and nobody will get a grant";
            findings.warning(tls.line(), text);
        }
        Web {
            listen: values(listen),
            app_listen: values(app_listen),
            tls: tls.get(),
            proxies: Peers::new(values(proxies)),
            source: source_from(values(proxy_protocol)),
            max_message: max_message.get(),
        }
    }
}

/// From what a listener takes the source of a connection: from the header of the PROXY protocol, if there are load
/// balancers that send it.
pub(in crate::config) fn source_from(load_balancers: Vec<IpNet>) -> SourceFrom {
    if load_balancers.is_empty() {
        SourceFrom::Connection
    } else {
        SourceFrom::Proxies(Peers::new(load_balancers))
    }
}

impl Web {
    /// Whose forwarding headers are believed.
    pub(crate) fn forwarded(&self, key_length: KeyLength) -> ForwardedPolicy {
        ForwardedPolicy {
            peers: self.proxies.clone(),
            key_length,
            ..ForwardedPolicy::default()
        }
    }

    /// The webmail's settings.
    pub(crate) fn webmail(&self, site: &Site) -> sekisho_webmail::Config {
        sekisho_webmail::Config {
            base_url: site.url.url().clone(),
            cookie_name: "sekisho".to_owned(),
            site_name: site.name.clone(),
            zone: site.zone.clone(),
            app_url: site.app_url.url().clone(),
            other_family: site.other_family.clone(),
            default_language: site.language,
            max_upload: self.max_message,
        }
    }
}
