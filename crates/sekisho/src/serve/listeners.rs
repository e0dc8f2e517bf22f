//! Opens the listeners that the plan names.

use std::net::SocketAddr;
use std::sync::Arc;

use sekisho_authapi::SaslListener;
use sekisho_gateway::{DoorTls, PlaintextLogin};
use sekisho_mailroom::incoming::{self, IncomingDoor, IncomingListener, Protocol};
use sekisho_net::{Listener, Peers, SourceFrom};
use sekisho_webmail::Entrance;

use super::Service;
use crate::config::{Door, Plan};
use crate::sockets::Sockets;
use crate::system::System;

/// Opens one of the doors for mail clients.
type RunDoor = fn(&System, Listener, DoorTls, PlaintextLogin);

impl Service {
    /// Opens all of them.
    ///
    /// # Errors
    /// An address is in use or not this machine's, or a file can't be read.
    pub(super) fn listen(&self, plan: &Plan, sockets: &mut Sockets) -> anyhow::Result<()> {
        let doors: [(&Door, RunDoor); 4] = [
            (&plan.doors.imap, System::run_imap),
            (&plan.doors.pop3, System::run_pop3),
            (&plan.doors.submission, System::run_submission),
            (&plan.doors.sieve, System::run_sieve),
        ];
        for (door, run) in doors {
            self.open_door(door, run, sockets)?;
        }
        self.open_web(plan, sockets)?;
        self.open_lmtp(plan, sockets)?;
        self.open_smtp(plan, sockets)?;
        self.open_authapi(plan, sockets)
    }

    fn open_door(&self, door: &Door, run: RunDoor, sockets: &mut Sockets) -> anyhow::Result<()> {
        let tls = || Arc::clone(&self.mail_tls);
        let ways = [
            (&door.listen, DoorTls::StartTls(tls())),
            (&door.listen_tls, DoorTls::Implicit(tls())),
        ];
        for (addresses, tls) in ways {
            for &address in addresses {
                let listener = sockets.listener(address, door.source.clone())?;
                run(&self.system, listener, tls.clone(), door.plaintext);
            }
        }
        Ok(())
    }

    fn open_web(&self, plan: &Plan, sockets: &mut Sockets) -> anyhow::Result<()> {
        for &address in &plan.web.listen {
            let entrance = self.entrance(plan, address, sockets)?;
            self.system
                .run_webmail(entrance, plan.web.webmail(&plan.site));
        }
        for &address in &plan.web.app_listen {
            let entrance = self.entrance(plan, address, sockets)?;
            self.system.run_pages(entrance, self.system.otp_app());
        }
        Ok(())
    }

    fn entrance(
        &self,
        plan: &Plan,
        address: SocketAddr,
        sockets: &mut Sockets,
    ) -> anyhow::Result<Entrance> {
        let listener = sockets.listener(address, plan.web.source.clone())?;
        let tls = plan.web.tls.then(|| Arc::clone(&self.web_tls));
        Ok(self
            .system
            .entrance(listener, tls, Arc::clone(&self.sources)))
    }

    fn open_lmtp(&self, plan: &Plan, sockets: &mut Sockets) -> anyhow::Result<()> {
        let door = || IncomingDoor {
            protocol: Protocol::Lmtp,
            listed: Peers::default(),
            tls: incoming::PeerTls::Nobody,
        };
        for &address in &plan.lmtp.listen {
            let socket = sockets.tcp(address)?;
            self.system
                .run_incoming(IncomingListener::Tcp(socket), door());
        }
        if let Some(path) = &plan.lmtp.socket {
            let socket = sockets.unix(path)?;
            self.system
                .run_incoming(IncomingListener::Unix(socket), door());
        }
        Ok(())
    }

    /// For relays that do not speak LMTP.
    fn open_smtp(&self, plan: &Plan, sockets: &mut Sockets) -> anyhow::Result<()> {
        for &address in &plan.smtp.listen {
            let socket = sockets.tcp(address)?;
            let tls = if plan.smtp.starttls {
                incoming::PeerTls::Tls(Arc::clone(&self.mail_tls))
            } else {
                incoming::PeerTls::None
            };
            let door = IncomingDoor {
                protocol: Protocol::Smtp,
                listed: plan.smtp.relays.clone(),
                tls,
            };
            self.system
                .run_incoming(IncomingListener::Tcp(socket), door);
        }
        Ok(())
    }

    /// For servers that stay in front and ask.
    fn open_authapi(&self, plan: &Plan, sockets: &mut Sockets) -> anyhow::Result<()> {
        let authapi = &plan.authapi;
        if !authapi.is_open() {
            return Ok(());
        }
        let api = authapi.open(
            Arc::clone(&self.system.checkpoint),
            self.system.clock(),
            plan.key_length,
            &self.system.shutdown,
        )?;
        for &address in &authapi.listen {
            let listener = sockets.listener(address, SourceFrom::Connection)?;
            self.system.run_api(listener, &api);
        }
        for &address in &authapi.sasl_listen {
            let listener = SaslListener::Tcp(sockets.tcp(address)?);
            self.system.run_sasl(listener, &api);
        }
        if let Some(path) = &authapi.sasl_socket {
            let listener = SaslListener::Unix(sockets.unix(path)?);
            self.system.run_sasl(listener, &api);
        }
        self.system
            .shutdown
            .spawn(async move { api.catch_up().await });
        Ok(())
    }
}
