//! How redemptions get into the database: many share one commit.
//!
//! 1. A redemption waits in a bounded queue; where that is full, the phone is told to ask again.
//! 2. One task takes what waits, and settles it in one transaction: what wrong guesses write is written at once, and a
//!    grant that fails takes back its own statements and no others.
//! 3. The transaction is committed, and only then is anybody answered. Where the commit fails, nothing has
//!    happened, and nobody is answered with an outcome.
//! 4. Misses are handed to `search.rs`.
//!
//! While one group is committed the next one gathers, so that the more phones come, the more share a commit.

use std::time::Duration;

use storage::{Db, StoreError};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tracing::{Instrument, Span};
use vocabulary::Timestamp;

use crate::attempts::Outcome;
use crate::refusal::RedeemRefused;
use crate::store::{self, Attempt, Redemption, Verdict};
use crate::{failpoint, search};

/// How many redemptions wait at most: a few tenths of a second, which a phone does not notice.
const CAPACITY: usize = 1024;
/// How many share a commit at most. Providers' changes wait for one group: some ten milliseconds.
const GROUP: usize = 64;
/// How long a wrong guess waits for others at most, where many come.
const PATIENCE: Duration = Duration::from_millis(10);
/// How often something is forgotten, where fewer than a group come meanwhile.
const FORGETFUL: Duration = Duration::from_mins(1);

/// The one way in which a redemption is written.
pub(crate) struct Writer {
    redemptions: mpsc::Sender<Entry>,
    stop: watch::Sender<bool>,
    /// The task that writes, and the one that looks for searches.
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

struct Entry {
    redemption: Redemption,
    /// Whoever waits for the commit; nobody does for that of a throttled guess.
    answer: Option<oneshot::Sender<Result<Outcome, StoreError>>>,
    span: Span,
}

impl Entry {
    /// Nobody is kept from a profile by its waiting.
    const fn can_wait(&self) -> bool {
        matches!(self.redemption.verdict, Verdict::Wrong(_))
    }
}

impl Writer {
    /// Begins to write. Attempts are kept for so many days.
    pub fn start(db: Db, keep_attempts_days: u32) -> Self {
        let (redemptions, waiting) = mpsc::channel(CAPACITY);
        let (stop, stopped) = watch::channel(false);
        let (missed, watch) = search::start(db.clone());
        let task = Task {
            db,
            waiting,
            stopped,
            missed,
            keep_attempts_days,
            remembered: Remembered::default(),
            is_busy: false,
        };
        Self { redemptions, stop, tasks: Mutex::new(vec![tokio::spawn(task.run()), watch]) }
    }

    /// What came of it, once that is committed. It is settled even where the caller stops waiting.
    pub async fn settle(&self, redemption: Redemption) -> Result<Outcome, RedeemRefused> {
        let (answer, committed) = oneshot::channel();
        let entry = Entry { redemption, answer: Some(answer), span: Span::current() };
        self.redemptions.try_send(entry).map_err(|_| RedeemRefused::Overloaded)?;
        Ok(committed.await.map_err(|_| RedeemRefused::NotCommitted)??)
    }

    /// Has it noted some time, and waits for nothing. Where the queue is full, others are more urgent.
    pub fn note(&self, redemption: Redemption) {
        let _ = self.redemptions.try_send(Entry { redemption, answer: None, span: Span::none() });
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
    remembered: Remembered,
    /// The last group was of more than one.
    is_busy: bool,
}

/// What was written since something was forgotten.
#[derive(Default)]
struct Remembered {
    count: usize,
    since: Option<Timestamp>,
}

impl Remembered {
    /// Whether there is enough to be forgotten, or enough time has passed.
    fn is_much(&mut self, written: usize, now: Timestamp) -> bool {
        self.count += written;
        let is_recent = self.since.is_some_and(|since| now < since.plus(FORGETFUL));
        if is_recent && self.count < GROUP {
            return false;
        }
        *self = Self { count: 0, since: Some(now) };
        true
    }
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
                Some(_) => {
                    if self.is_busy {
                        self.gather(&mut group).await;
                    }
                    self.is_busy = group.len() > 1;
                    self.write(&mut group).await;
                }
                // What waits is still received.
                None => self.waiting.close(),
            }
        }
    }

    /// Where many come, wrong guesses wait for company: a commit costs as much for one as for many, and whoever guesses
    /// in a storm need not be answered at once. What may be granted waits for nobody.
    async fn gather(&mut self, group: &mut Vec<Entry>) {
        let patience = tokio::time::sleep(PATIENCE);
        tokio::pin!(patience);
        while group.len() < GROUP && group.iter().all(Entry::can_wait) {
            let room = GROUP - group.len();
            tokio::select! {
                count = self.waiting.recv_many(group, room) => if count == 0 { return },
                () = &mut patience => return,
            }
        }
    }

    async fn write(&mut self, group: &mut Vec<Entry>) {
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
            if let Some(answer) = answer {
                // The phone may have lost patience.
                let _ = answer.send(settled);
            }
            if is_miss {
                // Where there is no room, enough others wait to be looked at.
                let _ = self.missed.try_send(redemption.attempt);
            }
        }
    }

    /// What came of each, committed.
    async fn settle(&mut self, group: &[Entry]) -> Result<Vec<Result<Outcome, StoreError>>, StoreError> {
        let mut tx = self.db.write().await?;
        // What the group shares is shown with the first.
        let shared = group.first().map_or_else(Span::none, |entry| entry.span.clone());
        let redemptions = group.iter().map(|entry| &entry.redemption);
        let settled = store::settle(&mut tx, redemptions).instrument(shared).await?;
        if let Some(Entry { redemption, .. }) = group.last() {
            let now = redemption.attempt.at;
            if self.remembered.is_much(group.len(), now) {
                store::forget(&mut tx, now, self.keep_attempts_days).await?;
            }
        }
        failpoint::reached("onboarding.redeem.before-commit");
        tx.commit().await?;
        tracing::debug!(count = settled.len(), "redemptions committed");
        Ok(settled)
    }
}

#[cfg(test)]
mod tests;
