//! Work that blocks, away from other tasks.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::error::StoreError;

/// Runs what blocks without holding up other tasks. Where the runtime has several threads, another one takes over the tasks of this: nobody has to be
/// woken for the work nor for its result, which takes longer than a short look into an index. Else it runs on a thread made for it. (No task of a
/// `LocalSet` on such a runtime may call it: tokio can't move those.)
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
