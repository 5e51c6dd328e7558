//! How redemptions get into the database: many share one commit.
//!
//! 1. A redemption waits in a bounded queue; where that is full, the phone is told to ask again.
//! 2. One task takes what waits, and settles each apart from the others in one transaction: one that fails takes
//!    back its own statements and no others.
//! 3. The transaction is committed, and only then is anybody answered. Where the commit fails, nothing has
//!    happened, and nobody is answered with an outcome.
//! 4. Misses are handed to `search.rs`.
//!
//! While one group is committed the next one gathers, so that the more phones come, the more share a commit.

use storage::StoreError;
use storage::sqlite::Db;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tracing::{Instrument, Span};

use crate::attempts::Outcome;
use crate::refusal::RedeemRefused;
use crate::store::{self, Attempt, Redemption};
use crate::{failpoint, search};

/// How many redemptions wait at most: a few tenths of a second, which a phone does not notice.
const CAPACITY: usize = 1024;
/// How many share a commit at most. Providers' changes wait for one group: some ten milliseconds.
const GROUP: usize = 64;

/// The one way in which a redemption is written.
pub(crate) struct Writer {
    redemptions: mpsc::Sender<Entry>,
    stop: watch::Sender<bool>,
    /// The task that writes, and the one that looks for searches.
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

struct Entry {
    redemption: Redemption,
    /// Whoever waits for the commit.
    answer: oneshot::Sender<Result<Outcome, StoreError>>,
    span: Span,
}

impl Writer {
    /// Begins to write. Attempts are kept for so many days.
    pub fn start(db: Db, keep_attempts_days: u32) -> Self {
        let (redemptions, waiting) = mpsc::channel(CAPACITY);
        let (stop, stopped) = watch::channel(false);
        let (missed, watch) = search::start(db.clone());
        let task = Task { db, waiting, stopped, missed, keep_attempts_days };
        Self { redemptions, stop, tasks: Mutex::new(vec![tokio::spawn(task.run()), watch]) }
    }

    /// What came of it, once that is committed. It is settled even where the caller stops waiting.
    pub async fn settle(&self, redemption: Redemption) -> Result<Outcome, RedeemRefused> {
        let (answer, committed) = oneshot::channel();
        let entry = Entry { redemption, answer, span: Span::current() };
        self.redemptions.try_send(entry).map_err(|_| RedeemRefused::Overloaded)?;
        Ok(committed.await.map_err(|_| RedeemRefused::NotCommitted)??)
    }

    /// Settles what waits, looks for searches a last time, and ends.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        for task in self.tasks.lock().await.drain(..) {
            // A task that panicked has nothing left to wait for.
            let _ = task.await;
        }
    }
}

/// The one task that writes.
struct Task {
    db: Db,
    waiting: mpsc::Receiver<Entry>,
    stopped: watch::Receiver<bool>,
    missed: mpsc::Sender<Attempt>,
    keep_attempts_days: u32,
}

impl Task {
    async fn run(mut self) {
        let mut group = Vec::with_capacity(GROUP);
        loop {
            let is_open = !self.waiting.is_closed();
            let received = tokio::select! {
                count = self.waiting.recv_many(&mut group, GROUP) => Some(count),
                _ = self.stopped.wait_for(|stop| *stop), if is_open => None,
            };
            match received {
                // Nobody is left who could send.
                Some(0) => return,
                Some(_) => self.write(&mut group).await,
                // What waits is still received.
                None => self.waiting.close(),
            }
        }
    }

    async fn write(&self, group: &mut Vec<Entry>) {
        let settled = match self.settle(group).await {
            Ok(settled) => settled,
            Err(error) => {
                tracing::error!(%error, count = group.len(), "redemptions were not committed; the phones ask again");
                // Whoever waits learns of it by this.
                return group.clear();
            }
        };
        for (Entry { redemption, answer, .. }, settled) in group.drain(..).zip(settled) {
            let is_miss = settled.as_ref().is_ok_and(|outcome| outcome.is_miss());
            // The phone may have lost patience.
            let _ = answer.send(settled);
            if is_miss {
                // Where there is no room, enough others wait to be looked at.
                let _ = self.missed.try_send(redemption.attempt);
            }
        }
    }

    /// What came of each, committed.
    async fn settle(&self, group: &[Entry]) -> Result<Vec<Result<Outcome, StoreError>>, StoreError> {
        let mut tx = self.db.write().await?;
        let mut settled = Vec::with_capacity(group.len());
        for Entry { redemption, span, .. } in group {
            settled.push(store::settle_apart(&mut tx, redemption).instrument(span.clone()).await?);
        }
        if let Some(Entry { redemption, .. }) = group.first() {
            store::forget(&mut tx, redemption.attempt.at, self.keep_attempts_days).await?;
        }
        failpoint::reached("onboarding.redeem.before-commit");
        tx.commit().await?;
        tracing::debug!(count = settled.len(), "redemptions committed");
        Ok(settled)
    }
}

#[cfg(test)]
mod tests;
