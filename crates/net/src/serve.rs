//! The loop that every server runs.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sekisho_source::Source;
use tokio::time::sleep;

use crate::listener::Arrival;
use crate::stream::Stream;
use crate::{Listener, Place, Places, Shutdown};

/// A connection, ready to be talked to.
#[derive(Debug)]
pub struct Accepted {
    /// The connection, in plaintext so far.
    pub stream: Stream,
    /// Where it comes from.
    pub source: Source,
    /// Whether its bytes never leave this machine: the peer is on it, and nobody says that it speaks for another.
    pub stays_here: bool,
    /// Its place among those that have not logged in. Dropped at the login; the connection ends if [`Place::lost`].
    pub place: Place,
}

/// How long accepting rests when the system has no more open files to give.
const REST: Duration = Duration::from_millis(100);

/// How many connections may be about to say for whom they speak.
const UNIDENTIFIED: usize = 4096;

/// Takes connections until nothing new may begin, each handled in a task of its own.
pub async fn serve<H, F>(listener: Listener, places: Places, shutdown: Shutdown, handle: H)
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
        let (handle, places) = (Arc::clone(&handle), places.clone());
        shutdown.spawn(async move {
            let moved = arrival.moved();
            let accepted = enter(arrival, &places).await;
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

async fn enter(arrival: Arrival, places: &Places) -> Option<Accepted> {
    let identified = match arrival.identify().await {
        Ok(identified) => identified,
        Err(error) => {
            tracing::debug!(?error, "a connection was turned away");
            return None;
        }
    };
    let Some(place) = places.take(identified.source) else {
        tracing::debug!("a source has too many connections that have not logged in");
        return None;
    };
    Some(Accepted {
        stream: identified.stream,
        source: identified.source,
        stays_here: identified.stays_here,
        place,
    })
}
