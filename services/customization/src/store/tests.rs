//! What no caller can bring about, since phones are taken before they are read: one changed between reading and
//! writing.

use storage::on_each_database;
use storage::testing::{Kind, TestDatabase};

use super::*;
use crate::event::EventKind;
use crate::samples::{observed, phone};

async fn a_phone_that_changed_since_it_was_read_is_not_written(kind: Kind) {
    let database = TestDatabase::new(kind).await;
    let db = Db::open(database.place(), &crate::MIGRATIONS).await.expect("a database");
    let store = Store::new(db);
    assert_eq!(store.record(&[observed(EventKind::Asked)]).await.expect("recorded"), 1);

    for stale in [0, 2] {
        let mut tx = store.db.write().await.expect("a transaction");
        let mut seen = BTreeMap::from([(phone(), Phone::unheard_of(phone()))]);
        seen.entry(phone()).and_modify(|phone| phone.entries = stale);
        let (after, _) = applied(&seen, vec![observed(EventKind::FactoryReset)]);
        let refused = phones_write(&mut tx, &seen, &after).await.expect_err("stale");
        assert!(matches!(refused, StoreError::Changed), "{refused}");
    }
    let phones = store.states(&[phone()]).await.expect("phones");
    assert_eq!((phones[0].state, phones[0].entries), (crate::state::State::Pending, 1));
}

on_each_database!(a_phone_that_changed_since_it_was_read_is_not_written);
