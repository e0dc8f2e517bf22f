//! `sekisho serve`: the service, for real. SIGHUP reads the configuration again, SIGUSR2 has a new process take over,
//! SIGTERM and Ctrl-C end it in order.
//!
//! `listeners` opens what the plan says; `notify` tells systemd how the service is.

mod listeners;
mod notify;

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::fmt::friendly::SpanPrinter;
use sekisho_net::{Alpn, TlsKeeper, WebSources};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use crate::config::{self, Plan};
use crate::folders::Folders;
use crate::rooms::Parts;
use crate::sockets::Sockets;
use crate::system::System;
use crate::takeover::{self, Control, News, Predecessor, Replacement, Successor};
use crate::upstream;
use notify::notify;

/// Runs the service until it is told to end, or another process has taken over and all connections have ended here.
/// `take_over` is how a running service calls that other process.
///
/// # Errors
/// The configuration is wrong, or something can't be opened.
pub async fn serve(path: &Path, take_over: bool) -> anyhow::Result<()> {
    let program = takeover::program()?;
    let (mut predecessor, handed) = if take_over {
        let (predecessor, handed) = Predecessor::meet().await?;
        (Some(predecessor), handed)
    } else {
        (None, Vec::new())
    };
    let plan = config::load(path).with_context(|| format!("reading {}", path.display()))?;
    warn_of(&plan);
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut replace = signal(SignalKind::user_defined2())?;
    let prepared = Prepared::new(plan).await?;
    if let Some(predecessor) = &mut predecessor {
        predecessor.is_ready().await?;
    }
    let data = prepared.parts.data.clone();
    let (mut service, sockets) = Service::start(prepared, handed).await?;
    let control = Control::open(&data)?;
    match &mut predecessor {
        // Which tells systemd as well.
        Some(predecessor) => predecessor.serves().await?,
        None => notify("READY=1"),
    }
    service.predecessor = predecessor;
    tracing::info!("ready");
    loop {
        let asker = tokio::select! {
            _ = hangup.recv() => {
                notify("RELOADING=1");
                service.reload(path).await;
                notify("READY=1");
                continue;
            }
            () = gone(&mut service.predecessor) => {
                service.predecessor = None;
                continue;
            }
            asker = control.asked() => Some(asker),
            _ = replace.recv() => None,
            _ = terminate.recv() => break,
            result = tokio::signal::ctrl_c() => { result?; break }
        };
        tracing::info!("starting the process that is to take over");
        let started = tokio::select! {
            started = Successor::start(&program, path, &sockets) => started,
            _ = terminate.recv() => break,
        };
        let successor = match started {
            Ok(successor) => successor,
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "not replaced");
                if let Some(asker) = asker {
                    asker.tell(&Err(error)).await;
                }
                continue;
            }
        };
        service.system.leave().await;
        let (id, replacement) = successor
            .let_serve()
            .await
            .context("the new process failed after it had taken over; its log says why")?;
        notify(&format!("MAINPID={id}\nREADY=1"));
        let staying = service.system.shutdown.tasks();
        let limit = SpanPrinter::new().unsigned_duration_to_string(&service.after_restart);
        tracing::info!(id, staying, "another process has taken over");
        if let Some(asker) = asker {
            let here = std::process::id();
            asker
                .tell(&Ok(format!(
                    "process {id} serves now; {staying} connections stay with process {here} until they end, at most \
                     {limit}"
                )))
                .await;
        }
        service.stay(replacement, path, &mut terminate).await?;
        break;
    }
    notify("STOPPING=1");
    tracing::info!("ending");
    if !service.system.stop().await {
        tracing::warn!("some connections took too long and were cut");
    }
    Ok(())
}

/// Completes when the process that was replaced has ended; never, if there is none.
async fn gone(predecessor: &mut Option<Predecessor>) {
    match predecessor {
        Some(predecessor) => predecessor.ended().await,
        None => std::future::pending().await,
    }
}

/// What can be open in two processes at once, and takes long or may fail.
struct Prepared {
    parts: Parts,
    mail_tls: Arc<TlsKeeper>,
    web_tls: Arc<TlsKeeper>,
    sources: Arc<WebSources>,
}

impl Prepared {
    async fn new(plan: Plan) -> anyhow::Result<Self> {
        let parts = Parts::of_service(plan).await?;
        if let Some(upstreams) = &parts.upstreams {
            upstream::probe(upstreams, &*parts.clock).await;
        }
        let Plan {
            site,
            tls,
            web,
            key_length,
            ..
        } = &parts.plan;
        let folder = Folders::of(&parts.data).tls;
        let sources = WebSources::new(web.forwarded(*key_length), "[web] proxies");
        Ok(Self {
            mail_tls: Arc::new(tls.open(site, &folder, Alpn::None)?),
            web_tls: Arc::new(tls.open(site, &folder, Alpn::Web)?),
            sources: Arc::new(sources),
            parts,
        })
    }
}

/// A running service, and what of it can be configured anew.
struct Service {
    system: System,
    mail_tls: Arc<TlsKeeper>,
    web_tls: Arc<TlsKeeper>,
    sources: Arc<WebSources>,
    after_restart: Duration,
    /// The process that was replaced by this one, if it still has connections.
    predecessor: Option<Predecessor>,
}

impl Service {
    /// Opens all doors, and returns their sockets, for another process to take over.
    async fn start(
        prepared: Prepared,
        handed: Vec<OwnedFd>,
    ) -> anyhow::Result<(Self, Vec<OwnedFd>)> {
        let plan = prepared.parts.plan.clone();
        let service = Self {
            system: System::open(prepared.parts).await?,
            mail_tls: prepared.mail_tls,
            web_tls: prepared.web_tls,
            sources: prepared.sources,
            after_restart: plan.limits.after_restart,
            predecessor: None,
        };
        let mut sockets = Sockets::new(handed, plan.key_length)?;
        service.listen(&plan, &mut sockets)?;
        Ok((service, sockets.into_given()))
    }

    /// Waits, after another process has taken over, until all connections have ended here and in the process that this
    /// one replaced.
    async fn stay(
        &mut self,
        mut replacement: Replacement,
        path: &Path,
        terminate: &mut Signal,
    ) -> anyhow::Result<()> {
        let shutdown = self.system.shutdown.clone();
        let mut ending = std::pin::pin!(shutdown.all_ended());
        let mut limit = std::pin::pin!(sleep(self.after_restart));
        let mut has_some = true;
        while has_some || self.predecessor.is_some() {
            tokio::select! {
                () = &mut ending, if has_some => has_some = false,
                () = gone(&mut self.predecessor) => self.predecessor = None,
                () = &mut limit => break,
                _ = terminate.recv() => break,
                news = replacement.news() => match news {
                    News::Reload => self.reload(path).await,
                    News::Ended => break,
                },
            }
        }
        Ok(())
    }

    /// Takes over what can change while running: certificates, networks, policy, trusted proxies; so does the process
    /// that was replaced by this one. A file with an error changes nothing.
    async fn reload(&mut self, path: &Path) {
        if let Some(predecessor) = &mut self.predecessor {
            predecessor.reload().await;
        }
        let plan = match config::load(path) {
            Ok(plan) => plan,
            Err(error) => {
                tracing::error!(%error, "the new configuration is wrong; the old one stays in force");
                return;
            }
        };
        for keeper in [&self.mail_tls, &self.web_tls] {
            if let Err(error) = keeper.reload() {
                tracing::error!(%error, "the new certificate is wrong; the old one stays in use");
            }
        }
        self.sources
            .reconfigure(plan.web.forwarded(plan.key_length));
        warn_of(&plan);
        self.system.checkpoint.reconfigure(plan.rules).await;
        tracing::info!(
            "the configuration was read again: certificates, networks, policy and trusted proxies are in force, all \
             else at the next start"
        );
    }
}

fn warn_of(plan: &Plan) {
    for warning in &plan.warnings {
        tracing::warn!(%warning, "the configuration");
    }
}
