//! How a change gets into the database and from there into memory:
//!
//! 1. it waits for its turn, for there is one writer;
//! 2. from then on it runs on a task of its own, to its end, even where the caller stops waiting: what
//!    is committed must reach the index whoever is there to hear of it;
//! 3. its statements run in one transaction, which is committed;
//! 4. what was committed, and only that, is put into the index;
//! 5. the turn passes on.
//!
//! So the index takes in changes in the order in which they were committed, and is never ahead of the
//! database; a caller that has its answer finds the change in the index. A commit that fails has been
//! rolled back by SQLite.

use std::sync::Arc;

use storage::StoreError;
use storage::sqlite::{Db, Tx};
use tokio::sync::Mutex;
use tracing::Instrument;

use crate::index::{Change, Index};

/// The one way to change something. Clones wait for the same turn.
#[derive(Clone)]
pub(crate) struct Writer {
    db: Db,
    index: Arc<Index>,
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
    pub fn new(db: Db, index: Arc<Index>) -> Self {
        Self { db, index, turn: Arc::default() }
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
        let Self { db, index, .. } = self.clone();
        let to_the_end = async move {
            let Done { tx, answer, changes } = work(db.write().await?).await?;
            tx.commit().await.map_err(StoreError::from)?;
            for change in changes {
                index.apply(change);
            }
            drop(turn);
            Ok(answer)
        };
        match tokio::spawn(to_the_end.in_current_span()).await {
            Ok(answer) => answer,
            // Only a runtime that ends stops the task.
            Err(stopped) => Err(StoreError::from(sqlx::Error::Io(stopped.into())).into()),
        }
    }

    /// Waits for the change that is under way, and closes the database.
    pub async fn close(&self) {
        let _turn = self.turn.lock().await;
        self.db.close().await;
    }
}

#[cfg(test)]
mod tests {
    use vocabulary::{ProviderId, Randomness, Timestamp};

    use super::*;
    use crate::refusal::ProviderRefused;
    use crate::store;

    /// Reads of the database until something is committed; a commit takes a few.
    const PATIENCE: usize = 10_000;

    async fn freeze(writer: Writer, provider: ProviderId) {
        let work = async move |mut tx| {
            store::provider_freeze(&mut tx, &provider, Timestamp::from_micros(0)).await?;
            Ok::<_, ProviderRefused>(Done { tx, answer: (), changes: vec![Change::ProviderFrozen(provider)] })
        };
        writer.write(work).await.expect("frozen");
    }

    async fn commit_is_seen(db: &Db) -> bool {
        for _ in 0..PATIENCE {
            let counted = sqlx::query_scalar("SELECT COUNT(*) FROM frozen_provider").fetch_one(db.reader()).await;
            let frozen: i64 = counted.expect("a number");
            if frozen > 0 {
                return true;
            }
        }
        false
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn the_turn_passes_on_only_when_the_change_is_in_memory() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let db = Db::open(&folder.path().join("redirection.db"), &crate::MIGRATIONS).await.expect("a database");
        let index = Arc::new(Index::new());
        let writer = Writer::new(db.clone(), Arc::clone(&index));

        let held = index.hold();
        let change = tokio::spawn(freeze(writer.clone(), ProviderId::draw(&Randomness::seeded(1))));
        let is_committed = commit_is_seen(&db).await;
        let is_taken = writer.turn.try_lock().is_err();
        // Let go before anything is asserted: a worker thread waits for it.
        drop(held);
        change.await.expect("the change ends");
        assert!(is_committed && is_taken, "committed: {is_committed}, taken: {is_taken}");
        assert!(writer.turn.try_lock().is_ok(), "the turn has passed on");
    }
}
