//! Looks whether the misses at a code look like a search, and alerts its provider.
//!
//! On a task of its own: neither the guess that missed nor the one after it waits, so it shows in no answer's time.
//! Where the process dies before it has looked, the next miss makes it look.

use std::collections::BTreeMap;

use storage::{Db, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::attempts::looks_searched;
use crate::store::{self, Attempt};

/// How many misses wait to be looked at, at most. Those that find no room are in the database like any other.
const CAPACITY: usize = 1024;
/// The newest misses that are looked at.
const RECENT: u32 = 100;

/// The task, which ends when the last sender has gone, and where to send what missed.
pub(crate) fn start(db: Db) -> (mpsc::Sender<Attempt>, JoinHandle<()>) {
    let (sender, misses) = mpsc::channel(CAPACITY);
    (sender, tokio::spawn(watch(db, misses)))
}

async fn watch(db: Db, mut misses: mpsc::Receiver<Attempt>) {
    let mut batch = Vec::new();
    while misses.recv_many(&mut batch, CAPACITY).await > 0 {
        // The newest of each code.
        let codes: BTreeMap<_, _> = batch.drain(..).map(|miss| (miss.code.clone(), miss)).collect();
        for miss in codes.values() {
            if let Err(error) = look(&db, miss).await {
                tracing::warn!(%error, code.id = %miss.code, "could not look for a search; the next miss will");
            }
        }
    }
}

/// Alerts once when a search begins, and again after each 24 hours for which it goes on.
async fn look(db: &Db, miss: &Attempt) -> Result<(), StoreError> {
    // First of all, because it is so for nearly every miss of a search.
    if store::is_alerted(db.read().await?.connection(), miss).await? {
        return Ok(());
    }
    let misses = store::misses_of(db.read().await?.connection(), miss.code.as_str(), RECENT, miss.at).await?;
    if looks_searched(&misses) && store::alert(db, miss).await? {
        tracing::warn!(
            code.id = %miss.code,
            provider.id = %miss.provider,
            "misses at an activation code look like a search; its limits hold"
        );
    }
    Ok(())
}
