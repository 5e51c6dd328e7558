//! What is kept stays kept.

use contracts::customization::State;
use storage::testing::Kind;
use storage::{Db, on, on_each_database};

use crate::phones::{World, acme, asked, observed, sent_to_provider};

async fn a_service_opened_again_knows_what_it_knew(kind: Kind) {
    let world = World::new(kind).await;
    assert_eq!(world.record(&[observed(1, asked()), observed(2, sent_to_provider())]).await, Ok(2));
    let before = (world.phone().await, world.timeline(&acme()).await);
    // Dropped, not closed: nothing may depend on an orderly end.
    let World { database, service, client } = world;
    drop((service, client));

    let world = World::on(database).await;
    assert!(world.service.ping().await.is_ok());
    assert_eq!((world.phone().await, world.timeline(&acme()).await), before);
    assert_eq!(world.record(&[observed(2, sent_to_provider())]).await, Ok(0));
    assert_eq!(world.phone().await.state(), State::CustomPending);
    world.service.close().await;
    assert!(world.service.ping().await.is_err());
}

async fn the_timeline_can_only_grow(kind: Kind) {
    let world = World::new(kind).await;
    assert_eq!(world.record(&[observed(1, asked())]).await, Ok(1));
    let db = Db::open_as_it_is(world.database.place()).await.expect("the database");
    let mut statements = vec!["UPDATE timeline SET at = 0", "DELETE FROM timeline"];
    if kind == Kind::Postgres {
        statements.push("TRUNCATE timeline");
    }
    for statement in statements {
        let mut tx = db.write().await.expect("a transaction");
        let refused = on!(tx, conn => sqlx::query(statement).execute(conn).await.map(drop)).expect_err("refused");
        assert!(refused.to_string().contains("the timeline is append-only"), "{refused}");
    }
    assert_eq!(world.timeline(&acme()).await.len(), 1);
}

on_each_database!(a_service_opened_again_knows_what_it_knew, the_timeline_can_only_grow,);
