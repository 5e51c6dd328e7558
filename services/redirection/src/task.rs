//! Work that goes on beside the calls until the service is closed.

use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

/// A task. It ends when this is dropped, or stopped, where it waits.
pub(crate) struct Task {
    stop: watch::Sender<()>,
    handle: Mutex<Option<JoinHandle<()>>>,
}

impl Task {
    /// Begins `work`, which has no end of its own.
    pub fn begin(work: impl Future<Output = ()> + Send + 'static) -> Self {
        let (stop, mut stopped) = watch::channel(());
        let task = tokio::spawn(async move {
            tokio::select! {
                _ = stopped.changed() => {}
                () = work => {}
            }
        });
        Self { stop, handle: Mutex::new(Some(task)) }
    }

    /// Ends the task and waits for it.
    pub async fn end(&self) {
        self.stop.send_replace(());
        if let Some(task) = self.handle.lock().await.take() {
            // Only a runtime that ends has stopped it before.
            let _ended = task.await;
        }
    }
}
