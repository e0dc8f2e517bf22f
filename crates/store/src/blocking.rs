//! Work that blocks, kept away from the runtime's other tasks.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::error::StoreError;

/// Runs what blocks without holding up other tasks. On a runtime with several threads, this thread does the work and
/// another one takes over its tasks: nobody has to be woken for the work or for its result, which would take longer
/// than a short look into an index. On a runtime with one thread, the work goes to a thread made for it. (No task of a
/// `LocalSet` on a runtime with several threads may call this: tokio can't move those tasks.)
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let work = move || {
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            Err(StoreError::Broken(
                "a task of the store was cut short".to_owned(),
            ))
        })
    };
    if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
        return tokio::task::block_in_place(work);
    }
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(StoreError::Broken("the service ends".to_owned())))
}
