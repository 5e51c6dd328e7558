//! The one task that takes what happened to phones, and makes it safe: recorded, or in the queue on disk.

use std::sync::Arc;
use std::time::Duration;

use contracts::customization::Observation;
use tokio::sync::{mpsc, oneshot, watch};

use super::queue::{Added, Queue};
use super::road::{Arrived, Road};
use super::{Entry, PAUSES, Phase, Recorded};

/// How long the customization service may take over a batch before it goes to the queue on disk. Phones wait so long.
const SOON: Duration = Duration::from_millis(400);
/// How many entries go into one batch, of two observations each where they are questions.
const BATCH: usize = 256;

pub(super) struct Writer {
    road: Arc<Road>,
    queue: Arc<Queue>,
    waiting: mpsc::Receiver<Entry>,
    phase: watch::Receiver<Phase>,
}

/// Entries that go together, and whoever waits for them.
struct Batch {
    observations: Vec<Observation>,
    waiting: Vec<oneshot::Sender<Recorded>>,
}

impl Batch {
    fn of(entries: &mut Vec<Entry>) -> Self {
        let mut batch = Self { observations: Vec::with_capacity(2 * entries.len()), waiting: Vec::new() };
        for entry in entries.drain(..) {
            batch.observations.extend(entry.observations);
            batch.waiting.extend(entry.waiting);
        }
        batch
    }

    /// Lets whoever waits go on.
    fn tell(&mut self, recorded: Recorded) {
        for waiting in self.waiting.drain(..) {
            // It may have lost patience.
            let _ = waiting.send(recorded);
        }
    }
}

impl Writer {
    pub fn new(
        road: Arc<Road>,
        queue: Arc<Queue>,
        waiting: mpsc::Receiver<Entry>,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        Self { road, queue, waiting, phase }
    }

    pub async fn run(mut self) {
        let mut entries = Vec::with_capacity(BATCH);
        loop {
            let is_over = tokio::select! {
                count = self.waiting.recv_many(&mut entries, BATCH) => count == 0,
                _ = self.phase.wait_for(|phase| *phase > Phase::Runs) => true,
            };
            if is_over {
                break;
            }
            self.keep(Batch::of(&mut entries)).await;
        }
        self.waiting.close();
        while self.waiting.recv_many(&mut entries, BATCH).await > 0 {
            self.keep(Batch::of(&mut entries)).await;
        }
    }

    /// Makes the batch safe, however long that takes. At the end there is no time: what cannot be made safe at once
    /// is lost.
    async fn keep(&mut self, mut batch: Batch) {
        let mut pause = PAUSES.0;
        while !self.is_safe(&mut batch).await {
            // The disk fails as well. Nobody is to wait for that.
            batch.tell(Recorded::Later);
            if *self.phase.borrow() > Phase::Runs {
                return self.give_up(&batch);
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.phase.wait_for(|phase| *phase > Phase::Runs) => {}
            }
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Tries both ways once. What finds no room in the queue is lost, and needs no more care.
    async fn is_safe(&mut self, batch: &mut Batch) -> bool {
        let may_overtake_nothing = self.queue.is_empty();
        // The deliverer finds out when it is back, as long as it gets something to deliver.
        let is_worth_it = !self.road.is_away() || !self.queue.works();
        if may_overtake_nothing && is_worth_it {
            match self.road.carry(&batch.observations, SOON).await {
                Ok(Arrived::Whole) => {
                    batch.tell(Recorded::Durably);
                    return true;
                }
                Ok(Arrived::InPart) => {
                    batch.tell(Recorded::Later);
                    return true;
                }
                Err(_noted) => {}
            }
        }
        match self.queue.add(&mut batch.observations).await {
            Added::Durably => batch.tell(Recorded::Later),
            Added::Full => {
                self.road.lose_for_want_of_room(batch.observations.len());
                batch.tell(Recorded::Never);
            }
            Added::No => return false,
        }
        true
    }

    /// Trying with each batch that waits could take minutes.
    fn give_up(&mut self, batch: &Batch) {
        let mut count = batch.observations.len();
        self.waiting.close();
        while let Ok(entry) = self.waiting.try_recv() {
            count += entry.observations.len();
        }
        self.road.lose(count);
        tracing::error!(count, "observations are lost: they can neither be recorded nor kept on disk");
    }
}
