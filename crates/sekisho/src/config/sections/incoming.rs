//! `[lmtp]` and `[smtp]`: where mail comes in; and `[mail]`: what accounts may keep of it.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use sekisho_net::Peers;
use sekisho_queue::delivery::JunkHeader;

use crate::config::problem::Findings;
use crate::config::read::{List, values};
use crate::config::section::section;
use crate::config::values::is_loopback;

section! {
    /// Where mail comes in.
    pub(in crate::config) struct LmtpSection("[lmtp]") {
        /// Where LMTP listens: loopback addresses.
        listen: List<SocketAddr> = Vec::new(),
        /// A Unix socket for LMTP.
        socket: Option<PathBuf> = None,
        /// The largest message taken, in bytes; by SMTP as well.
        max_message: u64 = sekisho_store::Limits::default().message_size,
        /// The header field by which the site's filter marks junk, such as `X-Spam-Flag: YES`; such mail goes into the
        /// junk folder, also if it comes by SMTP. The filter must remove this field from what it does not mark.
        junk_header: Option<JunkHeader> = None,
    }
}

section! {
    /// Where mail comes in by SMTP, from relays and filters that do not speak LMTP. It takes mail for this site alone,
    /// and from nobody else: it is no public MX.
    pub(in crate::config) struct SmtpSection("[smtp]") {
        /// Where it listens.
        listen: List<SocketAddr> = Vec::new(),
        /// The mail servers that may deliver, such as `192.0.2.25/32`; this machine always may.
        relays: List<IpNet> = Vec::new(),
        /// Whether they have to start TLS before anything else; `false` in a closed network.
        starttls: bool = true,
    }
}

section! {
    /// The mail that accounts keep.
    pub(in crate::config) struct MailSection("[mail]") {
        /// The most bytes of an account: the sizes of all messages in all folders, a copy counted as often as it is
        /// there. No limit unless set.
        quota_bytes: Option<u64> = None,
        /// The most messages of an account, in all folders together.
        quota_messages: Option<u64> = None,
        /// Whether the server keeps a copy of what people send in their folder for sent mail. A client that keeps one
        /// there itself is no trouble: there is one copy then, the client's.
        keep_sent: bool = true,
    }
}

/// Where mail comes in by LMTP.
#[derive(Debug, Clone)]
pub(crate) struct Lmtp {
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) socket: Option<PathBuf>,
    max_message: u64,
    /// By what the site's filter marks junk.
    pub(crate) junk: Option<JunkHeader>,
}

/// Where mail comes in by SMTP.
#[derive(Debug, Clone)]
pub(crate) struct Smtp {
    pub(crate) listen: Vec<SocketAddr>,
    /// Who may deliver, besides this machine.
    pub(crate) relays: Peers,
    /// Whether they have to start TLS.
    pub(crate) starttls: bool,
}

/// The mail that accounts keep.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    quota_bytes: Option<u64>,
    quota_messages: Option<u64>,
    /// Whether the server keeps a copy of what people send.
    pub(crate) keep_sent: bool,
}

impl LmtpSection {
    pub(in crate::config) fn check(&self, findings: &mut Findings<'_>) -> Lmtp {
        let Self {
            header: _,
            listen,
            socket,
            max_message,
            junk_header,
        } = self;
        for address in listen.iter() {
            if !is_loopback(address.ip()) {
                let text = format!(
                    "LMTP on {} could be reached from elsewhere; listen on loopback or on a `socket`",
                    **address
                );
                findings.problem(address.line(), text);
            }
        }
        Lmtp {
            listen: values(listen),
            socket: socket.get(),
            max_message: max_message.get(),
            junk: junk_header.get(),
        }
    }
}

impl SmtpSection {
    pub(in crate::config) fn check(&self, findings: &mut Findings<'_>) -> Smtp {
        let Self {
            header: _,
            listen,
            relays,
            starttls,
        } = self;
        for address in listen.iter() {
            if !is_loopback(address.ip()) && relays.is_empty() {
                let text = format!(
                    "SMTP on {} needs `relays`: the mail servers that may deliver here",
                    **address
                );
                findings.problem(address.line(), text);
            }
        }
        for relay in relays.iter() {
            if relay.prefix_len() == 0 {
                let text = "`relays` are the site's own mail servers, not everybody: Sekisho is no public MX";
                findings.problem(relay.line(), text);
            }
        }
        Smtp {
            listen: values(listen),
            relays: Peers::new(values(relays)),
            starttls: starttls.get(),
        }
    }
}

impl MailSection {
    pub(in crate::config) fn check(&self) -> Mail {
        let Self {
            header: _,
            quota_bytes,
            quota_messages,
            keep_sent,
        } = self;
        Mail {
            quota_bytes: quota_bytes.get(),
            quota_messages: quota_messages.get(),
            keep_sent: keep_sent.get(),
        }
    }
}

impl Mail {
    /// What the mail store allows.
    pub(crate) fn limits(&self, lmtp: &Lmtp) -> sekisho_store::Limits {
        sekisho_store::Limits {
            message_size: lmtp.max_message,
            quota_bytes: self.quota_bytes,
            quota_messages: self.quota_messages,
            ..sekisho_store::Limits::default()
        }
    }
}
