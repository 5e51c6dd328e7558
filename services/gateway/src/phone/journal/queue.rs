//! The queue on disk, with its bound; and what is done where the disk fails.

use std::sync::atomic::{AtomicBool, Ordering};

use contracts::customization::{Observation, RecordRequest};
use prost::Message;
use storage::{Load, Parcel, StoreError};
use tokio::sync::watch;

use super::JournalConfig;
use crate::GatewayMetrics;

/// The most observations in one batch (`customization.proto`).
const MOST: i64 = 1000;

/// The queue on disk. Its rows hold observations as they go over the wire, and so no more than the timeline holds.
pub(super) struct Queue {
    /// Nothing where the file could not be opened.
    on_disk: Option<storage::Queue>,
    /// How many bytes of content it holds at most.
    most: i64,
    /// What is in it and was not delivered. Only the writer adds.
    load: watch::Sender<Load>,
    works: AtomicBool,
    metrics: GatewayMetrics,
}

/// What came of adding a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    /// It is on the disk.
    Durably,
    /// There is no room.
    Full,
    /// The disk failed.
    No,
}

impl Queue {
    /// Opens the queue. Where that fails, it is said, and the gateway does without: phones are to be answered.
    pub async fn open(config: &JournalConfig, metrics: GatewayMetrics) -> Self {
        let most = i64::from(config.queue_mebibytes) << 20;
        let (on_disk, load, works) = match open(config).await {
            Ok((on_disk, load)) => (Some(on_disk), load, true),
            Err(error) => {
                tracing::error!(
                    %error,
                    file = %config.queue.display(),
                    "the queue on disk cannot be opened; what cannot be recorded waits in memory. Mend the file or move \
                     it away, then restart"
                );
                (None, Load::default(), false)
            }
        };
        let queue = Self { on_disk, most, load: watch::Sender::new(load), works: AtomicBool::new(works), metrics };
        queue.metrics.queue_works(works);
        queue.metrics.observations_wait(to_count(load.items));
        queue.metrics.queue_holds(load);
        if load.items > 0 {
            tracing::info!(count = load.items, "the queue on disk holds observations of an earlier run");
        }
        queue
    }

    /// Whether the disk did what it should when last asked.
    pub fn works(&self) -> bool {
        self.works.load(Ordering::Relaxed)
    }

    /// Whether everything that was added is delivered.
    pub fn is_empty(&self) -> bool {
        self.load.borrow().items == 0
    }

    /// How many observations are in it.
    pub fn items(&self) -> i64 {
        self.load.borrow().items
    }

    /// Waits until something is in it.
    pub async fn filled(&self) {
        // The sender is this queue's own and lives as long.
        let _ = self.load.subscribe().wait_for(|load| load.items > 0).await;
    }

    /// Adds the observations as one parcel.
    pub async fn add(&self, observations: &mut Vec<Observation>) -> Added {
        let Some(on_disk) = &self.on_disk else { return Added::No };
        let request = RecordRequest { observations: std::mem::take(observations) };
        let content = request.encode_to_vec();
        *observations = request.observations;
        let (items, bytes) = (to_items(observations.len()), to_items(content.len()));
        if self.load.borrow().bytes + bytes > self.most {
            return Added::Full;
        }
        let appended = on_disk.append(items, &content).await;
        if self.note(&appended) {
            self.load.send_modify(|load| *load = Load { items: load.items + items, bytes: load.bytes + bytes });
            self.metrics.queue_holds(*self.load.borrow());
            return Added::Durably;
        }
        Added::No
    }

    /// The oldest parcels behind number `after`, as many as go into one batch; `None` where they cannot be read.
    pub async fn oldest(&self, after: i64) -> Option<Vec<Parcel>> {
        let read = self.on_disk.as_ref()?.oldest(after, MOST).await;
        self.note(&read);
        read.ok()
    }

    /// These were delivered. They are taken off the disk; where that fails, they count as taken nevertheless, and go
    /// with the next ones.
    pub async fn delivered(&self, parcels: &[Parcel]) {
        let (Some(on_disk), Some(last)) = (&self.on_disk, parcels.last()) else { return };
        self.note(&on_disk.remove(last.number).await);
        let items: i64 = parcels.iter().map(|parcel| parcel.items).sum();
        let bytes: i64 = parcels.iter().map(|parcel| to_items(parcel.content.len())).sum();
        self.load.send_modify(|load| {
            *load = Load { items: (load.items - items).max(0), bytes: (load.bytes - bytes).max(0) };
        });
        self.metrics.queue_holds(*self.load.borrow());
    }

    /// The observations of these parcels, in order.
    pub fn unpack(&self, parcels: &[Parcel]) -> Vec<Observation> {
        let unpack = |parcel: &Parcel| match RecordRequest::decode(parcel.content.as_slice()) {
            Ok(request) => request.observations,
            Err(error) => {
                let count = parcel.items;
                tracing::error!(%error, count, "observations are lost: their parcel in the queue cannot be read");
                self.metrics.observations_lost(to_count(count));
                Vec::new()
            }
        };
        parcels.iter().flat_map(unpack).collect()
    }

    /// Whether the disk did it. Says so where that has changed.
    fn note<T>(&self, done: &Result<T, StoreError>) -> bool {
        let works = done.is_ok();
        if self.works.swap(works, Ordering::Relaxed) != works {
            self.metrics.queue_works(works);
            match done {
                Ok(_) => tracing::info!("the queue on disk can be used again"),
                Err(error) => {
                    tracing::error!(%error, "the queue on disk fails; what cannot be recorded waits in memory");
                }
            }
        }
        works
    }

    /// Closes the file.
    pub async fn close(&self) {
        if let Some(on_disk) = &self.on_disk {
            on_disk.close().await;
        }
    }
}

async fn open(config: &JournalConfig) -> Result<(storage::Queue, Load), StoreError> {
    let queue = storage::Queue::open(&config.queue).await?;
    let load = queue.load().await?;
    Ok((queue, load))
}

fn to_items(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn to_count(items: i64) -> usize {
    usize::try_from(items).unwrap_or_default()
}
