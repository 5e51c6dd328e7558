//! Hands what happened to phones to the customization service, without ever keeping a phone waiting.
//!
//! One task sends what is waiting as one batch, and the batch is one transaction there: under load
//! many phones share a commit. While the service is away, observations wait in a bounded queue; what
//! does not fit is lost and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contracts::customization::customization_service_client::CustomizationServiceClient;
use contracts::customization::{Observation, RecordRequest};
use rpc::{Failure, Transport, within};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use vocabulary::ErrorKind;

use crate::GatewayMetrics;

/// How long a phone's answer waits for the commit. A commit takes milliseconds; a phone gives up after
/// many seconds, so half a second goes unnoticed.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long the customization service may take over a batch.
const DEADLINE: Duration = Duration::from_secs(2);
/// How many entries go into one batch, of at most two observations each.
const BATCH: usize = 256;
/// The first and the longest pause before a batch is sent again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What became of an observation by the time the answer is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// Committed.
    Durably,
    /// Still waiting to be recorded.
    Later,
    /// The queue is full.
    Never,
}

/// The way to the timeline.
pub(crate) struct Journal {
    entries: mpsc::Sender<Entry>,
    away: Arc<AtomicBool>,
    metrics: GatewayMetrics,
    stop: watch::Sender<bool>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

struct Entry {
    observations: Vec<Observation>,
    /// Whoever still waits for the commit.
    waiting: Option<oneshot::Sender<Recorded>>,
}

impl Entry {
    /// Lets whoever waits go on.
    fn tell(&mut self, recorded: Recorded) {
        if let Some(waiting) = self.waiting.take() {
            // It may have lost patience.
            let _ = waiting.send(recorded);
        }
    }
}

impl Journal {
    /// Begins to record, with at most `capacity` entries waiting.
    pub fn start(
        customization: CustomizationServiceClient<Transport>,
        capacity: usize,
        metrics: GatewayMetrics,
    ) -> Self {
        let (entries, waiting) = mpsc::channel(capacity.max(1));
        let (stop, stopped) = watch::channel(false);
        let away = Arc::new(AtomicBool::new(false));
        let writer = Writer { customization, waiting, stopped, away: Arc::clone(&away), metrics: metrics.clone() };
        let writer = Mutex::new(Some(tokio::spawn(writer.run())));
        Self { entries, away, metrics, stop, writer }
    }

    /// Records these observations together and in order. Answers when they are committed, and at once
    /// where that cannot be soon.
    pub async fn record(&self, observations: Vec<Observation>) -> Recorded {
        let (waiting, committed) = oneshot::channel();
        let count = observations.len();
        self.metrics.observations_wait(count);
        if self.entries.try_send(Entry { observations, waiting: Some(waiting) }).is_err() {
            self.metrics.observations_lost(count);
            return Recorded::Never;
        }
        let recorded = if self.is_away() { Recorded::Later } else { patiently(committed).await };
        if recorded == Recorded::Later {
            tracing::debug!("answered before it was recorded");
        }
        recorded
    }

    /// Records these observations together and in order, soon; nobody waits for it.
    pub fn record_later(&self, observations: Vec<Observation>) {
        let count = observations.len();
        self.metrics.observations_wait(count);
        if self.entries.try_send(Entry { observations, waiting: None }).is_err() {
            self.metrics.observations_lost(count);
        }
    }

    /// Whether the last batch that was sent did not arrive.
    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    /// Sends what is waiting once more and stops.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        if let Some(writer) = self.writer.lock().await.take() {
            // A writer that panicked has nothing left to wait for.
            let _ = writer.await;
        }
    }
}

/// What became of it within [`PATIENCE`].
async fn patiently(committed: oneshot::Receiver<Recorded>) -> Recorded {
    match tokio::time::timeout(PATIENCE, committed).await {
        Ok(Ok(recorded)) => recorded,
        Ok(Err(_)) | Err(_) => Recorded::Later,
    }
}

/// The one task that records.
struct Writer {
    customization: CustomizationServiceClient<Transport>,
    waiting: mpsc::Receiver<Entry>,
    stopped: watch::Receiver<bool>,
    away: Arc<AtomicBool>,
    metrics: GatewayMetrics,
}

impl Writer {
    async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let stop = tokio::select! {
                count = self.waiting.recv_many(&mut batch, BATCH) => count == 0,
                _ = self.stopped.wait_for(|stop| *stop) => true,
            };
            if stop {
                break;
            }
            self.deliver(&mut batch).await;
        }
        self.waiting.close();
        while self.waiting.recv_many(&mut batch, BATCH).await > 0 {
            self.deliver(&mut batch).await;
        }
    }

    /// Sends the batch until it arrives. When stopping, the first failure ends everything: trying with
    /// each batch that waits could take minutes.
    async fn deliver(&mut self, batch: &mut Vec<Entry>) {
        let mut pause = PAUSES.0;
        loop {
            match self.send(batch).await {
                Ok(()) => return self.done(batch),
                Err(failure) if failure.kind == ErrorKind::Malformed && batch.len() == 1 => {
                    return self.give_up(batch, &failure);
                }
                // One bad entry must not take the others with it.
                Err(failure) if failure.kind == ErrorKind::Malformed => return self.deliver_in_halves(batch).await,
                Err(failure) if *self.stopped.borrow() => {
                    self.waiting.close();
                    while let Ok(entry) = self.waiting.try_recv() {
                        batch.push(entry);
                    }
                    return self.give_up(batch, &failure);
                }
                Err(failure) => self.note_away(batch, &failure),
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.stopped.wait_for(|stop| *stop) => {}
            }
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn deliver_in_halves(&mut self, batch: &mut Vec<Entry>) {
        let mut second = batch.split_off(batch.len() / 2);
        Box::pin(self.deliver(batch)).await;
        Box::pin(self.deliver(&mut second)).await;
    }

    async fn send(&mut self, batch: &[Entry]) -> Result<(), Failure> {
        let observations = batch.iter().flat_map(|entry| entry.observations.iter().cloned()).collect();
        let request = within(DEADLINE, RecordRequest { observations });
        self.customization.record(request).await?;
        Ok(())
    }

    /// From now on nobody waits for a commit, until one succeeds.
    fn note_away(&self, batch: &mut [Entry], failure: &Failure) {
        for entry in batch.iter_mut() {
            entry.tell(Recorded::Later);
        }
        if !self.away.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                error.kind = failure.kind.name(),
                "cannot record; phones are answered, what happens to them waits"
            );
        }
    }

    fn done(&self, batch: &mut Vec<Entry>) {
        self.away.store(false, Ordering::Relaxed);
        self.metrics.observations_wait_no_more(count(batch));
        for mut entry in batch.drain(..) {
            entry.tell(Recorded::Durably);
        }
    }

    fn give_up(&self, batch: &mut Vec<Entry>, failure: &Failure) {
        let count = count(batch);
        tracing::error!(error.kind = failure.kind.name(), count, "observations are lost");
        self.metrics.observations_lost(count);
        for mut entry in batch.drain(..) {
            entry.tell(Recorded::Never);
        }
    }
}

fn count(batch: &[Entry]) -> usize {
    batch.iter().map(|entry| entry.observations.len()).sum()
}
