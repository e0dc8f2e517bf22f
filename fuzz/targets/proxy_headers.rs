//! The PROXY protocol and forwarding headers: only configured peers are believed, and no bytes cause a panic.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use sekisho_net::{ForwardedPolicy, ForwardingHeader, Peers};
use sekisho_source::{KeyLength, Source};

thread_local! {
    static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
}

fuzz_target!(|bytes: &[u8]| {
    RUNTIME.with(|runtime| runtime.block_on(sekisho_net::fuzz_proxy_header(bytes)));
    let key_length = KeyLength::new(64).expect("a length");
    let loopback: IpAddr = [127, 0, 0, 1].into();
    let stranger: IpAddr = [203, 0, 113, 9].into();
    let mut values = bytes.splitn(2, |byte| *byte == b'\n');
    let values = [
        values.next().unwrap_or_default(),
        values.next().unwrap_or_default(),
    ];
    for (header, name) in [
        (ForwardingHeader::Forwarded, "Forwarded"),
        (ForwardingHeader::XForwardedFor, "X-Forwarded-For"),
    ] {
        let policy = ForwardedPolicy {
            peers: Peers::new(vec!["127.0.0.1/32".parse().expect("a prefix")]),
            header,
            key_length,
        };
        let headers = || values.iter().map(|value| (name, *value));
        policy.resolve(Source::assured(loopback, key_length), headers());
        // A peer that is not configured keeps its own address.
        let own = Source::assured(stranger, key_length);
        assert_eq!(policy.resolve(own, headers()).source, own);
    }
});
