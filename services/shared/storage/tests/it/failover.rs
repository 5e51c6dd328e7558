//! A server is killed while many write, and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use storage::testing::{Server, TestDatabase};
use storage::{StoreError, on};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::world::{World, family};

const WRITERS: i64 = 8;
/// How many more each writer must have written before the next thing happens.
const ENOUGH: u64 = 20;

/// What one writer has seen so far.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    written: u64,
    refused: u64,
}

/// Writes family after family until it is stopped.
struct Writer {
    seen: watch::Receiver<Seen>,
    /// Says which were confirmed.
    task: JoinHandle<Vec<i64>>,
}

impl Writer {
    fn start(world: &Arc<World>, first: i64, stopped: &Arc<AtomicBool>) -> Self {
        let (world, stopped) = (Arc::clone(world), Arc::clone(stopped));
        let (tell, seen) = watch::channel(Seen::default());
        let task = tokio::spawn(async move {
            let mut confirmed = Vec::new();
            let mut id = first;
            while !stopped.load(Ordering::SeqCst) {
                match family(&world.db, id).await {
                    Ok(()) => {
                        confirmed.push(id);
                        tell.send_modify(|seen| seen.written += 1);
                    }
                    Err(StoreError::Failed(_)) => tell.send_modify(|seen| seen.refused += 1),
                    Err(error) => panic!("{error}"),
                }
                id += WRITERS;
            }
            confirmed
        });
        Self { seen, task }
    }
}

async fn until(writers: &mut [Writer], is_reached: impl Fn(&Seen) -> bool) {
    for writer in writers {
        writer.seen.wait_for(&is_reached).await.expect("it goes on");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_dies_takes_nothing_along_and_is_used_again_once_it_is_back() {
    let mut server = Server::new();
    let world = Arc::new(World::on(TestDatabase::on(server.admin()).await).await);
    let stopped = Arc::default();
    let mut writers: Vec<Writer> = (1..=WRITERS).map(|first| Writer::start(&world, first, &stopped)).collect();
    for round in 1..=2 {
        until(&mut writers, |seen| seen.written >= round * ENOUGH).await;
        server.crash();
        let refused: Vec<u64> = writers.iter().map(|writer| writer.seen.borrow().refused).collect();
        for (writer, refused) in writers.iter_mut().zip(refused) {
            writer.seen.wait_for(|seen| seen.refused > refused).await.expect("it goes on");
        }
        server.start();
    }
    until(&mut writers, |seen| seen.written >= 3 * ENOUGH).await;
    stopped.store(true, Ordering::SeqCst);
    let mut confirmed = Vec::new();
    for writer in writers {
        confirmed.extend(writer.task.await.expect("no panic"));
    }
    confirmed.sort_unstable();

    let there = "SELECT parent.id FROM parent JOIN child ON child.id = parent.id ORDER BY parent.id";
    let mut reader = world.db.read().await.expect("a reader");
    let there: Vec<i64> = on!(reader, conn => sqlx::query_scalar(there).fetch_all(conn).await).expect("rows");
    let whole = i64::try_from(there.len()).expect("a small number");
    assert_eq!(world.counts().await, (whole, whole), "nothing half-done");
    let lost: Vec<_> = confirmed.iter().filter(|id| there.binary_search(id).is_err()).collect();
    assert!(lost.is_empty(), "confirmed, but not there: {lost:?}");
}
