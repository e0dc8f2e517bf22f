//! `sekisho network`.

use std::net::IpAddr;

use sekisho_checkpoint::network::{Network, NetworkClass};
use sekisho_source::Source;

use crate::config::Plan;
use crate::terminal::say;

pub(super) fn run(plan: &Plan, address: Option<IpAddr>) {
    let networks = &plan.rules.networks;
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
            let source = Source::assured(address, plan.key_length);
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
