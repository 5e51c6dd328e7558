//! Hands what happened to phones to the customization service, and answers for it until it is there.
//!
//! 1. The writer sends what is waiting as one batch, and the batch is one transaction there: under load many
//!    phones share a commit. Phones are answered after it.
//! 2. A batch that does not arrive soon goes to the end of the queue on disk, and then its phones are answered.
//! 3. While anything is in the queue, everything goes through it, so that each phone's story keeps its order.
//! 4. The deliverer hands on what is in the queue, oldest first, also after a restart. An observation that
//!    arrives twice is recorded once, by its id.
//!
//! Where the disk fails as well, batches wait in memory. What finds no room is lost and counted. A phone is
//! answered in each of these cases.

mod deliverer;
mod queue;
mod road;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use contracts::customization::Observation;
use contracts::customization::customization_service_client::CustomizationServiceClient;
use rpc::Transport;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use self::deliverer::Deliverer;
use self::queue::Queue;
use self::road::Road;
use self::writer::Writer;
use crate::GatewayMetrics;

/// How long a phone's answer waits at most until what it asked is safe. That takes milliseconds, or the deadline of a
/// batch where customization has just gone away; this is for a disk that stalls. A phone gives up after many seconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// The first and the longest pause before something is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What became of an observation by the time the answer is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// Committed.
    Durably,
    /// Still on its way.
    Later,
    /// There is no room for it.
    Never,
}

/// Where and how much the journal keeps while nothing can be recorded.
#[derive(Debug, Clone)]
pub struct JournalConfig {
    /// How many entries wait in memory at most; a question with its answer is one.
    pub capacity: usize,
    /// The file of the queue on disk.
    pub queue: PathBuf,
    /// How many MiB of observations it holds at most.
    pub queue_mebibytes: u32,
}

/// How far the journal has come on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Runs,
    /// No more entries come.
    NoMoreComes,
    /// And none is with the writer any more.
    AllWritten,
}

/// The way to the timeline.
pub(crate) struct Journal {
    entries: mpsc::Sender<Entry>,
    road: Arc<Road>,
    queue: Arc<Queue>,
    metrics: GatewayMetrics,
    phase: watch::Sender<Phase>,
    writer: Mutex<Option<JoinHandle<()>>>,
    deliverer: Mutex<Option<JoinHandle<()>>>,
}

/// What is recorded together and in order.
struct Entry {
    observations: Vec<Observation>,
    /// Whoever waits until it is safe.
    waiting: Option<oneshot::Sender<Recorded>>,
}

impl Journal {
    /// Begins to record, and to deliver what the queue still holds.
    pub async fn start(
        customization: CustomizationServiceClient<Transport>,
        config: &JournalConfig,
        metrics: GatewayMetrics,
    ) -> Self {
        let (entries, waiting) = mpsc::channel(config.capacity.max(1));
        let (phase, phases) = watch::channel(Phase::Runs);
        let road = Arc::new(Road::new(customization, metrics.clone()));
        let queue = Arc::new(Queue::open(config, metrics.clone()).await);
        let writer = Writer::new(Arc::clone(&road), Arc::clone(&queue), waiting, phases.clone());
        let writer = Mutex::new(Some(tokio::spawn(writer.run())));
        let deliverer = Deliverer::new(Arc::clone(&road), Arc::clone(&queue), phases);
        let deliverer = Mutex::new(Some(tokio::spawn(deliverer.run())));
        Self { entries, road, queue, metrics, phase, writer, deliverer }
    }

    /// Records these observations together and in order. Answers when they are safe, and at once where they cannot be.
    pub async fn record(&self, observations: Vec<Observation>) -> Recorded {
        let (waiting, safe) = oneshot::channel();
        if !self.take(Entry { observations, waiting: Some(waiting) }) {
            return Recorded::Never;
        }
        if self.road.is_away() && !self.queue.works() {
            tracing::debug!("answered before it was recorded");
            return Recorded::Later;
        }
        patiently(safe).await
    }

    /// Records these observations together and in order, soon; nobody waits for it.
    pub fn record_later(&self, observations: Vec<Observation>) {
        self.take(Entry { observations, waiting: None });
    }

    /// Whether there was room for the entry.
    fn take(&self, entry: Entry) -> bool {
        let count = entry.observations.len();
        self.metrics.observations_wait(count);
        let fits = self.entries.try_send(entry).is_ok();
        if !fits {
            self.road.lose_for_want_of_room(count);
        }
        fits
    }

    /// Whether the last batch that was sent did not arrive.
    pub fn is_away(&self) -> bool {
        self.road.is_away()
    }

    /// Whether the queue on disk can be used.
    pub fn can_queue(&self) -> bool {
        self.queue.works()
    }

    /// Sends what is waiting once more and stops. What does not arrive stays in the queue.
    pub async fn stop(&self) {
        for (phase, task) in [(Phase::NoMoreComes, &self.writer), (Phase::AllWritten, &self.deliverer)] {
            self.phase.send_replace(phase);
            if let Some(task) = task.lock().await.take() {
                // One that panicked has nothing left to wait for.
                let _ = task.await;
            }
        }
        self.queue.close().await;
    }
}

/// What became of it within [`PATIENCE`].
async fn patiently(safe: oneshot::Receiver<Recorded>) -> Recorded {
    if let Ok(Ok(recorded)) = tokio::time::timeout(PATIENCE, safe).await {
        return recorded;
    }
    tracing::debug!("answered before it was recorded");
    Recorded::Later
}
