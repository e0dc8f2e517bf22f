//! A connection that hears of revocations when they are committed, wherever they were written.
//!
//! It makes things prompt and nothing more: whoever follows the revocations reads them every half second anyway, so
//! that none is missed while this connection is away.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::Notify;
use tokio_postgres::{AsyncMessage, Config};

use super::fault::Fault;
use super::revocations::CHANNEL;
use super::tls::MakeTls;

/// How long after a connection was lost, or could not be made, the next is tried.
const AGAIN: Duration = Duration::from_secs(1);

/// Listens for as long as its task lives.
pub(super) async fn listen(config: Config, tls: MakeTls, heard: Arc<Notify>) {
    let mut away = false;
    loop {
        if let Err(fault) = listen_once(&config, &tls, &heard, &mut away).await
            && !away
        {
            away = true;
            tracing::warn!(error = %fault, "revocations are not heard of at once, but within half a second");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn listen_once(
    config: &Config,
    tls: &MakeTls,
    heard: &Notify,
    away: &mut bool,
) -> Result<(), Fault> {
    let (client, mut connection) = config.connect(tls.clone()).await?;
    let mut messages = futures_util::stream::poll_fn(move |cx| connection.poll_message(cx));
    let listening = async {
        client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
        if std::mem::take(away) {
            tracing::info!("revocations are heard of at once again");
        }
        // What was written while nobody listened.
        heard.notify_one();
        std::future::pending::<Result<(), Fault>>().await
    };
    let hearing = async {
        while let Some(message) = messages.next().await {
            if let AsyncMessage::Notification(_) = message? {
                heard.notify_one();
            }
        }
        Err(Fault::Stopped)
    };
    tokio::select! {
        result = listening => result,
        result = hearing => result,
    }
}
