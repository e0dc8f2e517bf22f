//! The accept loop that every server runs.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sekisho_source::Source;
use tokio::time::sleep;

use crate::listener::Arrival;
use crate::stream::Stream;
use crate::{ConnectionSlot, ConnectionSlots, Listener, Shutdown};

/// A connection whose source is known, ready for the protocol.
#[derive(Debug)]
pub struct Accepted {
    /// The connection, in plaintext so far.
    pub stream: Stream,
    /// Its source.
    pub source: Source,
    /// Whether its bytes never leave this machine: the peer is on this machine, and no PROXY header is expected from
    /// it.
    pub stays_here: bool,
    /// Its slot among the connections that have not logged in. Drop it at the login; end the connection when
    /// [`ConnectionSlot::evicted`] completes.
    pub slot: ConnectionSlot,
}

/// How long to pause when accepting fails, usually because the system has no more open files.
const REST: Duration = Duration::from_millis(100);

/// How many connections may wait for their source to be found at once.
const UNIDENTIFIED: usize = 4096;

/// Accepts connections until [`Shutdown::leaving`] completes, and handles each in its own task.
pub async fn serve<H, F>(listener: Listener, slots: ConnectionSlots, shutdown: Shutdown, handle: H)
where
    H: Fn(Accepted) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let handle = Arc::new(handle);
    let unidentified = Arc::new(tokio::sync::Semaphore::new(UNIDENTIFIED));
    loop {
        let arrival = tokio::select! {
            () = shutdown.leaving() => return,
            arrival = listener.accept() => arrival,
        };
        let arrival = match arrival {
            Ok(arrival) => arrival,
            Err(error) => {
                tracing::warn!(?error, "a connection could not be accepted");
                sleep(REST).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&unidentified).try_acquire_owned() else {
            tracing::warn!("too many connections that do not say for whom they speak");
            continue;
        };
        let (handle, slots) = (Arc::clone(&handle), slots.clone());
        shutdown.spawn(async move {
            let moved = arrival.moved();
            let accepted = enter(arrival, &slots).await;
            drop(permit);
            if let Some(accepted) = accepted {
                tokio::select! {
                    () = handle(accepted) => {}
                    () = moved => {}
                }
            }
        });
    }
}

async fn enter(arrival: Arrival, slots: &ConnectionSlots) -> Option<Accepted> {
    let identified = match arrival.identify().await {
        Ok(identified) => identified,
        Err(error) => {
            tracing::debug!(?error, "a connection was turned away");
            return None;
        }
    };
    let Some(slot) = slots.acquire(identified.source) else {
        tracing::debug!("a source has too many connections that have not logged in");
        return None;
    };
    Some(Accepted {
        stream: identified.stream,
        source: identified.source,
        stays_here: identified.stays_here,
        slot,
    })
}
