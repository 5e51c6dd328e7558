//! Two processes on one database, step by step.

use storage::testing::{Kind as On, TestDatabase};
use storage::{on, on_each_database};
use tokio::time::timeout;
use vault::MasterKey;
use vocabulary::{ManualClock, ProviderId, Randomness};

use super::*;
use crate::refusal::ProviderRefused;
use crate::store::Kind;
use crate::writer::{Done, Writer};

/// What one process has.
pub(crate) struct Process {
    pub db: Db,
    pub follower: Follower,
    pub writer: Writer,
}

impl Process {
    pub async fn on(database: &TestDatabase) -> Self {
        let clock = Clock::Manual(ManualClock::starting_at(Timestamp::from_micros(1)));
        let db = Db::open(database.place(), &crate::MIGRATIONS).await.expect("a database");
        let randomness = Arc::new(Randomness::seeded(2));
        let vault = Vault::open(&db, &MasterKey::from_bytes([7; 32]), &clock, randomness).await.expect("a vault");
        let follower = Follower::open(db.clone(), vault, clock.clone()).await.expect("everything is read");
        Self { writer: Writer::new(db.clone(), follower.clone(), clock), db, follower }
    }

    /// Runs statements that no process would.
    async fn tamper(&self, statement: &'static str) {
        let mut tx = self.db.write().await.expect("a transaction");
        on!(tx, conn => sqlx::query(statement).execute(conn).await.map(drop)).expect("done");
        tx.commit().await.expect("committed");
    }

    async fn count(&self, statement: &'static str) -> i64 {
        on!(self.db.read().await.expect("a reader"), conn => sqlx::query_scalar(statement).fetch_one(conn).await)
            .expect("a number")
    }

    fn frozen(&self, providers: &[ProviderId]) -> Vec<bool> {
        providers.iter().map(|provider| self.follower.index().is_frozen(provider)).collect()
    }
}

/// Freezes the provider, or thaws it.
pub(crate) async fn freeze(writer: Writer, provider: ProviderId) {
    let work = async move |mut tx| {
        store::provider_freeze(&mut tx, &provider, Timestamp::from_micros(0)).await?;
        Ok::<_, ProviderRefused>(Done { tx, answer: (), changes: vec![Change::ProviderFrozen(provider)] })
    };
    writer.write(work).await.expect("frozen");
}

async fn thaw(writer: Writer, provider: ProviderId) {
    let work = async move |mut tx| {
        store::provider_thaw(&mut tx, &provider).await?;
        Ok::<_, ProviderRefused>(Done { tx, answer: (), changes: vec![Change::ProviderThawed(provider)] })
    };
    writer.write(work).await.expect("free");
}

fn providers() -> Vec<ProviderId> {
    let randomness = Randomness::seeded(1);
    (0..3).map(|_| ProviderId::draw(&randomness)).collect()
}

/// Far longer than it takes, so that only what never comes is given up.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often the second is looked at while the first has not committed.
const LOOKS: usize = 200;

const WAITING: &str = "
    SELECT COUNT(*)
    FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted";

async fn a_transaction_that_commits_late_is_not_lost(kind: On) {
    let database = TestDatabase::new(kind).await;
    let (one, other) = (Process::on(&database).await, Process::on(&database).await);
    let providers = providers();

    // It has its number, and takes its time.
    let mut late = store::begin(&one.db).await.expect("a transaction");
    store::provider_freeze(&mut late, &providers[0], Timestamp::from_micros(0)).await.expect("frozen");
    let subject = (Kind::Frozen, providers[0].to_string());
    let (number, _) = store::append(&mut late, &[subject], Timestamp::from_micros(0)).await.expect("a number");
    let next = tokio::spawn(freeze(other.writer.clone(), providers[1].clone()));
    if kind == On::Postgres {
        let waits = async { while one.count(WAITING).await == 0 {} };
        timeout(PATIENCE, waits).await.expect("the second waits for its turn");
    }
    for _ in 0..LOOKS {
        assert_eq!(one.count("SELECT COUNT(*) FROM change_log").await, 0, "nobody goes first");
    }
    assert!(!next.is_finished());
    one.follower.follow().await.expect("nothing");
    assert_eq!(one.frozen(&providers), [false, false, false], "nothing is known before it is committed");

    late.commit().await.expect("committed");
    next.await.expect("it ended");
    assert_eq!(other.frozen(&providers), [true, true, false], "who writes knows what was written before");
    one.follower.follow().await.expect("both");
    assert_eq!(one.frozen(&providers), [true, true, false]);
    assert_eq!((number, one.count("SELECT MAX(number) FROM change_log").await), (1, 2));
}

async fn who_has_fallen_behind_reads_everything(kind: On) {
    let database = TestDatabase::new(kind).await;
    let one = Process::on(&database).await;
    let providers = providers();
    freeze(one.writer.clone(), providers[0].clone()).await;
    let (other, third) = (Process::on(&database).await, Process::on(&database).await);
    thaw(one.writer.clone(), providers[0].clone()).await;
    freeze(one.writer.clone(), providers[1].clone()).await;
    one.tamper("DELETE FROM change_log WHERE number < 3").await;
    assert_eq!(other.frozen(&providers), [true, false, false]);
    other.follower.follow().await.expect("everything");
    assert_eq!(other.frozen(&providers), [false, true, false]);
    // And one that writes before it has looked.
    freeze(third.writer.clone(), providers[2].clone()).await;
    assert_eq!(third.frozen(&providers), [false, true, true]);
    other.follower.follow().await.expect("the rest");
    assert_eq!(other.frozen(&providers), [false, true, true]);
}

async fn a_database_set_back_to_a_copy_is_read_anew(kind: On) {
    let database = TestDatabase::new(kind).await;
    let (one, other) = (Process::on(&database).await, Process::on(&database).await);
    let providers = providers();
    freeze(one.writer.clone(), providers[0].clone()).await;
    other.follower.follow().await.expect("one");
    one.tamper("DELETE FROM frozen_provider").await;
    one.tamper("DELETE FROM change_log").await;
    other.follower.follow().await.expect("nothing");
    assert_eq!(other.frozen(&providers), [false, false, false]);
    // A row of the same number that is not the same.
    freeze(one.writer.clone(), providers[1].clone()).await;
    other.follower.follow().await.expect("one");
    one.tamper("UPDATE change_log SET at = at + 1").await;
    one.tamper("DELETE FROM frozen_provider").await;
    other.follower.follow().await.expect("nothing");
    assert_eq!(other.frozen(&providers), [false, false, false]);
}

async fn the_log_is_pruned_but_for_its_last_rows(kind: On) {
    let database = TestDatabase::new(kind).await;
    let one = Process::on(&database).await;
    let subjects: Vec<_> = (0..1_500).map(|number| (Kind::Device, format!("{number:012x}"))).collect();
    let mut tx = store::begin(&one.db).await.expect("a transaction");
    store::append(&mut tx, &subjects, Timestamp::from_micros(5)).await.expect("appended");
    tx.commit().await.expect("committed");
    assert_eq!(store::prune(&one.db, Timestamp::from_micros(5)).await.expect("pruned"), 0, "none is old");
    assert_eq!(store::prune(&one.db, Timestamp::from_micros(6)).await.expect("pruned"), 500);
    assert_eq!(one.count("SELECT MIN(number) FROM change_log").await, 501);
}

on_each_database!(
    threads 3;
    a_transaction_that_commits_late_is_not_lost,
    who_has_fallen_behind_reads_everything,
    a_database_set_back_to_a_copy_is_read_anew,
    the_log_is_pruned_but_for_its_last_rows,
);
