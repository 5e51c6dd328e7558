//! How a change gets into the database and from there into memory:
//!
//! 1. it waits for its turn, for one change at a time is made: in this process by a lock, among all processes by one in
//!    the database (SQLite's own; on PostgreSQL an advisory one that ends with the transaction). So what it reads stays
//!    so until it commits. That bounds how many changes there are in a second, and is no matter for phones, who ask
//!    the index; changes are providers' and claims';
//! 2. from then on it runs on a task of its own, to its end, even where the caller stops waiting;
//! 3. what other processes have committed is put into the index (`follower.rs`);
//! 4. its statements run in one transaction, with what the log of changes says of them, and are committed;
//! 5. what was committed, and only that, is put into the index;
//! 6. the turn passes on.
//!
//! So the index takes in changes in the order in which they were committed, and is never ahead of the
//! database; a caller that has its answer finds the change in the index. A commit that fails has been
//! rolled back, or its answer was lost: then the follower finds it.

use std::sync::Arc;

use storage::{Db, StoreError, Tx};
use tokio::sync::Mutex;
use tracing::Instrument;
use vocabulary::Clock;

use crate::follower::{Followed, Follower};
use crate::index::Change;
use crate::store;

/// The one way to change something. Clones wait for the same turn.
#[derive(Clone)]
pub(crate) struct Writer {
    db: Db,
    follower: Follower,
    clock: Clock,
    turn: Arc<Mutex<()>>,
}

/// Statements that ran and are to be committed.
pub(crate) struct Done<T> {
    pub tx: Tx,
    /// In the order in which they were made.
    pub changes: Vec<Change>,
    /// What the caller is told once it is committed.
    pub answer: T,
}

impl Writer {
    pub fn new(db: Db, follower: Follower, clock: Clock) -> Self {
        Self { db, follower, clock, turn: Arc::default() }
    }

    /// Runs `work` in a transaction, commits it, and takes over the change into the index. Where `work`
    /// refuses, nothing is changed.
    pub async fn write<T, E, F>(&self, work: impl FnOnce(Tx) -> F + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: Future<Output = Result<Done<T>, E>> + Send,
    {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let writer = self.clone();
        let to_the_end = async move {
            let tx = writer.begin().await?;
            let Done { tx, answer, changes } = work(tx).await?;
            writer.commit(tx, changes).await?;
            drop(turn);
            Ok(answer)
        };
        match tokio::spawn(to_the_end.in_current_span()).await {
            Ok(answer) => answer,
            // Only a runtime that ends stops the task.
            Err(stopped) => Err(StoreError::from(sqlx::Error::Io(stopped.into())).into()),
        }
    }

    /// A transaction that has the turn among all processes, with the index at what was committed before it.
    async fn begin(&self) -> Result<Tx, StoreError> {
        loop {
            self.follower.ready().await;
            let mut tx = store::begin(&self.db).await?;
            if self.follower.follow_in(&mut tx).await? == Followed::UpToDate {
                return Ok(tx);
            }
            drop(tx);
            self.follower.follow().await?;
        }
    }

    async fn commit(&self, mut tx: Tx, changes: Vec<Change>) -> Result<(), StoreError> {
        let subjects: Vec<_> = changes.iter().flat_map(Change::subjects).collect();
        if subjects.is_empty() {
            return tx.commit().await;
        }
        let rows = store::append(&mut tx, &subjects, self.clock.now()).await?;
        tx.commit().await?;
        self.follower.committed(changes, rows).await;
        Ok(())
    }

    /// Waits for the change that is under way, and closes the database.
    pub async fn close(&self) {
        let _turn = self.turn.lock().await;
        self.db.close().await;
    }
}

#[cfg(test)]
mod tests {
    use storage::testing::{Kind, TestDatabase};
    use storage::{on, on_each_database};
    use vocabulary::{ProviderId, Randomness};

    use super::*;
    use crate::follower::tests::{Process, freeze};

    /// Reads of the database until something is committed; a commit takes a few.
    const PATIENCE: usize = 10_000;

    async fn commit_is_seen(db: &Db) -> bool {
        for _ in 0..PATIENCE {
            let counted = "SELECT COUNT(*) FROM frozen_provider";
            let frozen: i64 =
                on!(db.read().await.expect("a reader"), conn => sqlx::query_scalar(counted).fetch_one(conn).await)
                    .expect("a number");
            if frozen > 0 {
                return true;
            }
        }
        false
    }

    async fn the_turn_passes_on_only_when_the_change_is_in_memory(kind: Kind) {
        let database = TestDatabase::new(kind).await;
        let Process { db, follower, writer } = Process::on(&database).await;

        // The thread that waits for the index may be the one that looks after the sockets: another must be awake.
        let awake = tokio::spawn(async {
            loop {
                tokio::task::yield_now().await;
            }
        });
        let held = follower.index().hold();
        let change = tokio::spawn(freeze(writer.clone(), ProviderId::draw(&Randomness::seeded(1))));
        let is_committed = commit_is_seen(&db).await;
        let is_taken = writer.turn.try_lock().is_err();
        // Let go before anything is asserted: a worker thread waits for it.
        drop(held);
        change.await.expect("the change ends");
        awake.abort();
        assert!(is_committed && is_taken, "committed: {is_committed}, taken: {is_taken}");
        assert!(writer.turn.try_lock().is_ok(), "the turn has passed on");
    }

    on_each_database!(
        threads 3;
        the_turn_passes_on_only_when_the_change_is_in_memory,
    );
}
