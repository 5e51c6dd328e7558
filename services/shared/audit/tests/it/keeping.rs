//! An act and what it did are kept together; the log stays whole whoever writes at the same time.

use audit::Verified;
use storage::testing::Kind;
use storage::{on, on_each_database};

use crate::world::{PUT, World, append};

async fn an_act_is_kept_with_what_was_done_or_not_at_all(kind: Kind) {
    let world = World::new(kind).await;
    let mut tx = world.db.write().await.expect("a transaction");
    append(&mut tx, &PUT).await;
    drop(tx);
    let nothing = Verified { acts: 0, head_hex: "0".repeat(64) };
    assert_eq!(world.verified(None).await, Ok(nothing));
    let mut tx = world.db.write().await.expect("a transaction");
    append(&mut tx, &PUT).await;
    append(&mut tx, &PUT).await;
    tx.commit().await.expect("committed");
    let verified = world.verified(None).await.expect("a whole log");
    assert_eq!(verified.acts, 2);
    assert_ne!(verified.head_hex, "0".repeat(64));
}

/// More than are read at once, so that the walk goes on where it stopped.
async fn many_writers_make_one_chain(kind: Kind) {
    let world = World::new(kind).await;
    let writers = (0..8).map(|_| {
        let db = world.db.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                let mut tx = db.write().await.expect("a transaction");
                for _ in 0..15 {
                    append(&mut tx, &PUT).await;
                }
                tx.commit().await.expect("committed");
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    // Meanwhile, what is there is whole.
    world.verified(None).await.expect("a whole log");
    for writer in writers {
        writer.await.expect("a writer");
    }
    assert_eq!(world.verified(None).await.expect("a whole log").acts, 1200);
}

async fn the_database_refuses_to_change_or_remove_an_act(kind: Kind) {
    let world = World::new(kind).await;
    world.write(&[PUT, PUT]).await;
    for statement in ["UPDATE act SET target = 'x' WHERE number = 1", "DELETE FROM act WHERE number = 2"] {
        let mut tx = world.db.write().await.expect("a transaction");
        let refused = on!(tx, conn => sqlx::query(statement).execute(conn).await.map(drop));
        let error = refused.expect_err("refused").to_string();
        assert!(error.contains("the audit log is append-only"), "{error}");
    }
    assert_eq!(world.verified(None).await.expect("a whole log").acts, 2);
}

on_each_database!(
    threads 4;
    an_act_is_kept_with_what_was_done_or_not_at_all,
    many_writers_make_one_chain,
    the_database_refuses_to_change_or_remove_an_act,
);
