//! The queue on disk: in order, across restarts, and what comes out is what went in.

use std::path::PathBuf;

use storage::{Load, Parcel, Queue};
use tempfile::TempDir;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("queue.db")
    }

    async fn open(&self) -> Queue {
        Queue::open(&self.file()).await.expect("a queue")
    }
}

/// Appends parcels with as many things as the numbers say, and that number as their content.
async fn fill(queue: &Queue, items: &[u8]) {
    for items in items {
        queue.append(i64::from(*items), &[*items]).await.expect("room");
    }
}

async fn contents(queue: &Queue, after: i64, items: i64) -> Vec<u8> {
    let parcels = queue.oldest(after, items).await.expect("parcels");
    parcels.iter().flat_map(|parcel| parcel.content.clone()).collect()
}

#[tokio::test]
async fn what_went_in_comes_out_in_order_also_after_a_restart() {
    let place = Place::new();
    let queue = place.open().await;
    assert_eq!(queue.load().await.expect("a load"), Load::default());
    fill(&queue, &[3, 1, 2]).await;
    // Nothing is closed in good order: what was appended is there all the same.
    let queue = place.open().await;
    assert_eq!(queue.load().await.expect("a load"), Load { items: 6, bytes: 3 });
    let first = Parcel { number: 1, items: 3, content: vec![3] };
    assert_eq!(queue.oldest(0, 100).await.expect("parcels").first(), Some(&first));
    assert_eq!(contents(&queue, 0, 100).await, [3, 1, 2]);
    queue.remove(2).await.expect("they go");
    assert_eq!(contents(&queue, 0, 100).await, [2]);
    assert_eq!(queue.load().await.expect("a load"), Load { items: 2, bytes: 1 });
}

#[tokio::test]
async fn no_more_is_taken_out_than_was_asked_for_and_never_nothing() {
    let place = Place::new();
    let queue = place.open().await;
    fill(&queue, &[3, 1, 2, 9]).await;
    for (after, items, taken) in [
        (0, 4, vec![3, 1]),
        (0, 5, vec![3, 1]),
        (0, 6, vec![3, 1, 2]),
        (2, 4, vec![2]),
        (3, 4, vec![9]),
        (4, 4, vec![]),
    ] {
        assert_eq!(contents(&queue, after, items).await, taken, "{items} after {after}");
    }
    fill(&queue, &[1; 300]).await;
    assert_eq!(contents(&queue, 4, 1000).await.len(), 256);
}

#[tokio::test]
async fn a_number_is_never_used_again() {
    let place = Place::new();
    let queue = place.open().await;
    fill(&queue, &[1, 2]).await;
    queue.remove(2).await.expect("they go");
    queue.close().await;
    let queue = place.open().await;
    fill(&queue, &[7]).await;
    assert_eq!(queue.oldest(2, 10).await.expect("parcels"), [Parcel { number: 3, items: 7, content: vec![7] }]);
}

#[tokio::test]
async fn what_is_no_queue_is_not_opened() {
    let place = Place::new();
    std::fs::write(place.file(), "not a database, but long enough to have been one".repeat(100)).expect("a file");
    assert!(Queue::open(&place.file()).await.is_err());
}
