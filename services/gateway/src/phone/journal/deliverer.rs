//! The one task that empties the queue on disk, oldest first.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::queue::Queue;
use super::road::Road;
use super::{PAUSES, Phase};

/// How long the customization service may take over a batch. Nobody waits for it.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long the queue is emptied at the end, as long as that succeeds.
const LAST_ROUNDS: Duration = Duration::from_secs(5);

pub(super) struct Deliverer {
    road: Arc<Road>,
    queue: Arc<Queue>,
    phase: watch::Receiver<Phase>,
    /// The number of the last parcel that was delivered. It may be on the disk still, where that failed.
    delivered: i64,
}

/// Something is in the way; it may be gone later.
struct Stuck;

impl Deliverer {
    pub fn new(road: Arc<Road>, queue: Arc<Queue>, phase: watch::Receiver<Phase>) -> Self {
        Self { road, queue, phase, delivered: 0 }
    }

    pub async fn run(mut self) {
        let mut pause = PAUSES.0;
        let queue = Arc::clone(&self.queue);
        loop {
            tokio::select! {
                () = queue.filled() => {}
                _ = self.phase.wait_for(|phase| *phase == Phase::AllWritten) => break,
            }
            if self.deliver().await.is_ok() {
                pause = PAUSES.0;
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.phase.wait_for(|phase| *phase == Phase::AllWritten) => break,
            }
            pause = (pause * 2).min(PAUSES.1);
        }
        // Between two batches, or in one that then counts as not delivered: what is cut off stays in the queue.
        if !self.road.is_away() {
            let _ = tokio::time::timeout(LAST_ROUNDS, self.empty()).await;
        }
        if !self.queue.is_empty() {
            tracing::warn!(count = self.queue.items(), "observations stay in the queue on disk until the next start");
        }
    }

    async fn empty(&mut self) {
        while !self.queue.is_empty() && self.deliver().await.is_ok() {}
    }

    /// Delivers as much as goes into one batch.
    async fn deliver(&mut self) -> Result<(), Stuck> {
        let parcels = self.queue.oldest(self.delivered).await.ok_or(Stuck)?;
        let last = parcels.last().ok_or(Stuck)?;
        self.road.carry(&self.queue.unpack(&parcels), DEADLINE).await.map_err(|_noted| Stuck)?;
        self.delivered = last.number;
        self.queue.delivered(&parcels).await;
        Ok(())
    }
}
