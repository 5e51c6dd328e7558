//! Keeps the index at what the database has, whichever process has written it.
//!
//! 1. The log of changes is read from where it was read last, and what it names is read again, all from one moment.
//! 2. The index takes it in, and the new place in the log is remembered, in one go.
//! 3. Where rows of the log are no longer there, everything is read anew, beside the index that answers meanwhile (which
//!    takes its memory twice), and put in its place.
//!
//! This is done four times a second, and before each change of this process (`writer.rs`), which then puts what it has
//! committed into the index itself. One at a time holds the place, so that the index moves in the order of the commits.
//! While the database is away the index stays as it is.

use std::sync::Arc;
use std::time::Duration;

use storage::{Db, StoreError, Tx};
use tokio::sync::Mutex;
use tokio::time::{MissedTickBehavior, interval};
use vault::Vault;
use vocabulary::{Clock, Timestamp};

use crate::index::{Change, Index};
use crate::store::{self, Behind, Position};

/// From one look into the log to the next: what another process has written is known within a second.
const PERIOD: Duration = Duration::from_millis(250);
const _: () = assert!(PERIOD.as_millis() <= 500, "a look takes a while, too");
/// How many changes are put into the index before others get their turn.
const PIECE: usize = 256;
/// How long the log is kept: a process that was away from the database for longer reads everything.
const KEPT: Duration = Duration::from_hours(24);
/// From one pruning of the log to the next.
const PRUNING: Duration = Duration::from_hours(1);

/// The index and its place in the log. Clones are the same.
#[derive(Clone)]
pub(crate) struct Follower {
    db: Db,
    vault: Vault,
    clock: Clock,
    index: Arc<Index>,
    seen: Arc<Mutex<Position>>,
}

/// What a look into the log came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Followed {
    UpToDate,
    /// Too far behind: everything must be read.
    Lost,
}

impl Follower {
    /// Reads everything.
    pub async fn open(db: Db, vault: Vault, clock: Clock) -> Result<Self, StoreError> {
        let index = Arc::new(Index::new());
        let mut tx = db.snapshot().await?;
        let seen = store::head(&mut tx).await?;
        store::load(&mut tx, &vault, (&index, clock.now())).await?;
        tx.commit().await?;
        Ok(Self { db, vault, clock, index, seen: Arc::new(Mutex::new(seen)) })
    }

    /// What phones are answered from.
    pub const fn index(&self) -> &Arc<Index> {
        &self.index
    }

    /// Takes in what was committed until now.
    pub async fn follow(&self) -> Result<(), StoreError> {
        let mut seen = self.seen.lock().await;
        let mut tx = self.db.snapshot().await?;
        if self.take_in(&mut tx, &mut seen).await? == Followed::Lost {
            tracing::warn!("the log of changes does not reach back far enough; everything is read anew");
            let head = store::head(&mut tx).await?;
            let mut fresh = Arc::new(self.index.like());
            store::load(&mut tx, &self.vault, (&fresh, self.clock.now())).await?;
            // Nobody else has it any more.
            if let Some(fresh) = Arc::get_mut(&mut fresh) {
                self.index.exchange(fresh);
            }
            // To give back hundreds of megabytes takes a while.
            tokio::task::spawn_blocking(move || drop(fresh));
            *seen = head;
        }
        tx.commit().await
    }

    /// Waits for a [`Follower::follow`] that is under way. To read everything takes a while, in which nobody should hold
    /// up all who write.
    pub async fn ready(&self) {
        drop(self.seen.lock().await);
    }

    /// Takes in what others have committed, in a transaction that has the turn to write: no more will come.
    pub async fn follow_in(&self, tx: &mut Tx) -> Result<Followed, StoreError> {
        let mut seen = self.seen.lock().await;
        self.take_in(tx, &mut seen).await
    }

    /// Takes in what this process has committed as the log's rows from `first` to `last`.
    pub async fn committed(&self, changes: Vec<Change>, (first, last): (i64, Position)) {
        let mut seen = self.seen.lock().await;
        // It may have been read from the log already, and something newer with it.
        if seen.number + 1 == first {
            self.apply(changes).await;
            *seen = last;
        }
    }

    /// Nothing is taken in before everything was read, so that it can be given up at any point.
    async fn take_in(&self, tx: &mut Tx, seen: &mut Position) -> Result<Followed, StoreError> {
        match store::behind(tx, *seen).await? {
            Behind::Lost => Ok(Followed::Lost),
            Behind::Read { subjects, head } => {
                if !subjects.is_empty() {
                    self.apply(store::reread(tx, &self.vault, &subjects).await?).await;
                }
                *seen = head;
                Ok(Followed::UpToDate)
            }
        }
    }

    /// Others get their turn after some hundred phones. Who is given up in between leaves the place as it was, and all
    /// is taken in again.
    async fn apply(&self, changes: Vec<Change>) {
        for (number, change) in (1..).zip(changes) {
            let are_many = matches!(change, Change::DevicesStored(_));
            self.index.apply(change);
            if are_many || number % PIECE == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Follows for ever.
    pub async fn go_on(self) {
        let mut looks = interval(PERIOD);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_away = false;
        loop {
            looks.tick().await;
            // Said once, not four times a second.
            match (self.follow().await, is_away) {
                (Err(error), false) => {
                    tracing::warn!(%error, "changes cannot be followed; phones are answered from what is known");
                    is_away = true;
                }
                (Ok(()), true) => {
                    tracing::info!("changes are followed again");
                    is_away = false;
                }
                (Err(_), true) | (Ok(()), false) => {}
            }
        }
    }

    /// Prunes the log for ever; the first time in an hour.
    pub async fn prune(self) {
        let mut rounds = interval(PRUNING);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        rounds.tick().await;
        loop {
            rounds.tick().await;
            let before = self.clock.now().as_micros() - Timestamp::from_micros(0).plus(KEPT).as_micros();
            if let Err(error) = store::prune(&self.db, Timestamp::from_micros(before)).await {
                tracing::warn!(%error, "the log of changes is not pruned for now");
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
