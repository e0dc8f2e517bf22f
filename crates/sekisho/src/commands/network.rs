//! `sekisho network`.

use std::net::IpAddr;

use sekisho_checkpoint::network::{Network, NetworkClass};
use sekisho_source::Source;

use super::say;
use crate::config::Loaded;

pub(super) fn run(loaded: &Loaded, address: Option<IpAddr>) {
    let networks = &loaded.site.networks;
    match address {
        None => {
            for network in networks.all() {
                let prefixes: Vec<_> = network.prefixes.iter().map(ToString::to_string).collect();
                say(&format!(
                    "{:<24} {:<10} {}",
                    network.name,
                    class(network),
                    prefixes.join(" ")
                ));
            }
        }
        Some(address) => {
            let source = Source::assured(address, loaded.key_length);
            match networks.of(&source) {
                Some(network) => say(&format!(
                    "{address} lies in {:?}: {}",
                    network.name,
                    class(network)
                )),
                None => say(&format!("{address} lies in no network: untrusted")),
            }
        }
    }
}

fn class(network: &Network) -> &'static str {
    match network.class {
        NetworkClass::Trusted => "trusted",
        NetworkClass::Untrusted => "untrusted",
    }
}
