//! Waits for conditions, and knows which errors of a driver mean "not yet".

use std::time::Duration;

use fantoccini::error::CmdError;

/// How long a condition may take to hold; long, because test machines are busy.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How often a condition is checked.
const EVERY: Duration = Duration::from_millis(40);

/// Repeats `look` until it finds something; `None` if it finds nothing within [`PATIENCE`].
///
/// # Errors
/// `look` failed.
pub async fn until<T>(
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<Option<T>> {
    let looking = async {
        loop {
            if let Some(found) = look().await? {
                return anyhow::Ok(found);
            }
            tokio::time::sleep(EVERY).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking)
        .await
        .ok()
        .transpose()
}

/// Whether an error only means that the page is still loading or was left.
pub(super) fn is_transient(error: &CmdError) -> bool {
    error.is_no_such_element()
        || error.is_stale_element_reference()
        || error.is_element_not_interactable()
        || error.is_detached_shadow_root()
        || error.is_no_such_frame()
        || [
            "click intercepted",
            "no such execution context",
            "Node with given id",
            "context has been discarded",
            "Inspected target navigated",
        ]
        .iter()
        .any(|words| error.to_string().contains(words))
}

pub(super) fn absent_is_none<T>(outcome: Result<Option<T>, CmdError>) -> anyhow::Result<Option<T>> {
    match outcome {
        Err(error) if is_transient(&error) => Ok(None),
        other => Ok(other?),
    }
}
