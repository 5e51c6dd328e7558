//! What is seldom brought about from outside: two who have read the same newest row of a phone.

use storage::on_each_database;
use storage::testing::{Kind, TestDatabase};

use super::*;
use crate::event::EventKind;
use crate::samples::{observed, phone};

async fn of_two_who_have_read_the_same_row_one_begins_anew(kind: Kind) {
    let database = TestDatabase::new(kind).await;
    let db = Db::open(database.place(), &crate::MIGRATIONS).await.expect("a database");
    let store = Store::new(db);
    let (asked, reset) = (observed(EventKind::Asked), observed(EventKind::FactoryReset));
    let answered = Observation { id: Some(ObservationId([8; 16])), ..observed(EventKind::AnsweredWithProvider) };
    assert_eq!(store.record(&[asked.clone(), answered.clone()]).await.expect("recorded"), 2);

    // Neither what would stand beside the question, nor what would stand where the two of them do.
    for late in [vec![&reset], vec![&asked, &answered], vec![&reset, &asked, &reset]] {
        let mut tx = store.db.write().await.expect("a transaction");
        let rows = applied(Vec::new(), late).expect("rows");
        let refused = match tx.connection() {
            Connection::Sqlite(conn) => sqlite::append(conn, rows).await,
            Connection::Postgres(conn) => postgres::append(conn, rows).await,
        };
        assert!(matches!(refused, Err(StoreError::AlreadyExists)), "{refused:?}");
    }
    let phones = store.states(&[phone()]).await.expect("phones");
    assert_eq!((phones[0].state, phones[0].entries), (crate::state::State::CustomPending, 2));
}

on_each_database!(of_two_who_have_read_the_same_row_one_begins_anew);
