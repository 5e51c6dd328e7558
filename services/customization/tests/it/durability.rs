//! What is kept stays kept.

use contracts::customization::State;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::phones::{World, acme, asked, observed, sent_to_provider};

#[tokio::test]
async fn a_service_opened_again_knows_what_it_knew() {
    let world = World::new().await;
    assert_eq!(world.record(&[observed(1, asked()), observed(2, sent_to_provider())]).await, Ok(2));
    let before = (world.phone().await, world.timeline(&acme()).await);
    // Dropped, not closed: nothing may depend on an orderly end.
    let World { folder, service, client } = world;
    drop((service, client));

    let world = World::on(folder).await;
    assert!(world.service.ping().await.is_ok());
    assert_eq!((world.phone().await, world.timeline(&acme()).await), before);
    assert_eq!(world.record(&[observed(2, sent_to_provider())]).await, Ok(0));
    assert_eq!(world.phone().await.state(), State::CustomPending);
    world.service.close().await;
    assert!(world.service.ping().await.is_err());
}

#[tokio::test]
async fn the_timeline_can_only_grow() {
    let world = World::new().await;
    assert_eq!(world.record(&[observed(1, asked())]).await, Ok(1));
    let file = world.folder.path().join("customization.db");
    let mut connection = SqliteConnectOptions::new().filename(file).connect().await.expect("a connection");
    for statement in ["UPDATE timeline SET at = 0", "DELETE FROM timeline"] {
        let refused = sqlx::query(statement).execute(&mut connection).await.expect_err("refused");
        assert!(refused.to_string().contains("the timeline is append-only"), "{refused}");
    }
    sqlx::query("DELETE FROM phone").execute(&mut connection).await.expect_err("a phone keeps its timeline");
    connection.close().await.expect("closed");
    assert_eq!(world.timeline(&acme()).await.len(), 1);
}
