//! A data key is made once, opened with the right master key only, and gets another one without a stop.

use std::path::Path;
use std::sync::Arc;

use storage::testing::{Kind, TestDatabase};
use storage::{Db, Migrations, on, on_each_database};
use vault::{MasterKey, Vault, VaultError, rewrap};
use vocabulary::{Clock, ManualClock, Randomness, Timestamp};

static MIGRATIONS: Migrations = Migrations {
    sqlite: sqlx::migrate!("tests/migrations/sqlite"),
    postgres: sqlx::migrate!("tests/migrations/postgres"),
};

const PLACE: &str = "phone.sealed/1";

struct World {
    db: Db,
    database: TestDatabase,
    randomness: Arc<Randomness>,
}

impl World {
    async fn new(kind: Kind) -> Self {
        let database = TestDatabase::new(kind).await;
        let db = Db::open(database.place(), &MIGRATIONS).await.expect("a database");
        Self { db, database, randomness: Arc::new(Randomness::system().expect("randomness")) }
    }

    async fn vault(&self, master: &MasterKey) -> Result<Vault, VaultError> {
        let clock = Clock::Manual(ManualClock::starting_at(Timestamp::from_micros(7)));
        Vault::open(&self.db, master, &clock, Arc::clone(&self.randomness)).await
    }

    async fn rewrap(&self, old: &MasterKey, new: &MasterKey) -> Result<u64, VaultError> {
        rewrap(&self.db, old, new, &self.randomness).await
    }
}

fn masters() -> [MasterKey; 3] {
    [1, 2, 3].map(|byte| MasterKey::from_bytes([byte; 32]))
}

fn opens(vault: &Vault, place: &str, sealed: &[u8]) -> bool {
    vault.unseal(place, sealed).is_ok_and(|plain| plain.expose() == b"--key 1234")
}

async fn what_is_sealed_opens_after_a_restart_and_in_its_place_only(kind: Kind) {
    let world = World::new(kind).await;
    let [master, ..] = masters();
    let sealed = world.vault(&master).await.expect("a vault").seal(PLACE, b"--key 1234").expect("sealed");
    let again = world.vault(&master).await.expect("the same vault");
    assert!(opens(&again, PLACE, &sealed));
    assert!(
        matches!(again.unseal("phone.sealed/2", &sealed), Err(VaultError::Unopenable { place }) if place == "phone.sealed/2")
    );
    let elsewhere = World::new(kind).await.vault(&master).await.expect("another vault");
    assert!(!opens(&elsewhere, PLACE, &sealed), "each database has its own key");
}

async fn those_who_open_at_once_share_one_key(kind: Kind) {
    let world = World::new(kind).await;
    let [master, ..] = masters();
    let (one, other) = tokio::join!(world.vault(&master), world.vault(&master));
    let sealed = one.expect("a vault").seal(PLACE, b"--key 1234").expect("sealed");
    assert!(opens(&other.expect("a vault"), PLACE, &sealed));
    let count = "SELECT COUNT(*), MAX(created_at) FROM data_key";
    let mut reader = world.db.read().await.expect("a reader");
    let kept: (i64, i64) = on!(reader, conn => sqlx::query_as(count).fetch_one(conn).await).expect("a row");
    assert_eq!(kept, (1, 7));
}

async fn a_wrong_master_key_is_told_which_one_is_needed(kind: Kind) {
    let world = World::new(kind).await;
    let [right, wrong, _] = masters();
    world.vault(&right).await.expect("a vault");
    let error = world.vault(&wrong).await.expect_err("refused").to_string();
    let expected = format!(
        "the data key of this database is wrapped with the master key {}, and {} was given; give the one that is needed",
        right.id(),
        wrong.id()
    );
    assert_eq!(error, expected);
    world.vault(&right).await.expect("still there");
}

async fn a_changed_data_key_does_not_open(kind: Kind) {
    let world = World::new(kind).await;
    let [master, other, _] = masters();
    world.vault(&master).await.expect("a vault");
    let wrapped = [wrapped(&world.db).await, vec![0]].concat();
    write(&world.db, "UPDATE data_key SET wrapped = $1", &wrapped).await;
    assert!(matches!(world.vault(&master).await, Err(VaultError::Unopenable { .. })));
    assert!(matches!(world.rewrap(&master, &other).await, Err(VaultError::Unopenable { .. })));
}

async fn another_master_key_takes_over_and_may_do_so_twice(kind: Kind) {
    let world = World::new(kind).await;
    let [old, new, third] = masters();
    assert_eq!(world.rewrap(&old, &new).await.expect("nothing to do"), 0);
    let vault = world.vault(&old).await.expect("a vault");
    let sealed = vault.seal(PLACE, b"--key 1234").expect("sealed");
    assert!(matches!(world.rewrap(&third, &new).await, Err(VaultError::WrongMaster { .. })));
    assert_eq!(world.rewrap(&old, &new).await.expect("taken over"), 1);
    assert_eq!(world.rewrap(&old, &new).await.expect("taken over before"), 0);
    assert!(matches!(world.vault(&old).await, Err(VaultError::WrongMaster { .. })));
    assert!(opens(&world.vault(&new).await.expect("the vault"), PLACE, &sealed));
    assert!(opens(&vault, PLACE, &sealed), "an open vault stays usable");
}

on_each_database!(
    what_is_sealed_opens_after_a_restart_and_in_its_place_only,
    those_who_open_at_once_share_one_key,
    a_wrong_master_key_is_told_which_one_is_needed,
    a_changed_data_key_does_not_open,
    another_master_key_takes_over_and_may_do_so_twice,
);

/// A thief who has the folder has neither the secrets, nor those that were there before, nor the old wrapping.
#[tokio::test]
async fn the_files_hold_no_secret_and_nothing_that_was_replaced() {
    let world = World::new(Kind::Sqlite).await;
    let [old, new, _] = masters();
    let vault = world.vault(&old).await.expect("a vault");
    let plain = b"--key 1234".repeat(3000);
    write(&world.db, "INSERT INTO phone (id, sealed) VALUES (1, $1)", &vault.seal(PLACE, &plain).expect("sealed"))
        .await;
    let marked = b"a secret from before it was sealed. ".repeat(3000);
    write(&world.db, "INSERT INTO phone (id, sealed) VALUES (2, $1)", &marked).await;
    let wrapped = wrapped(&world.db).await;
    write(&world.db, "UPDATE phone SET sealed = $1 WHERE id = 2", b"").await;
    world.rewrap(&old, &new).await.expect("taken over");
    world.db.close().await;
    for secret in [b"--key 1234".as_slice(), b"a secret from before", &wrapped] {
        assert!(!holds(world.database.folder(), secret), "{}", String::from_utf8_lossy(secret));
    }
    assert!(holds(world.database.folder(), new.id().as_bytes()), "these are the files");
}

async fn wrapped(db: &Db) -> Vec<u8> {
    let mut reader = db.read().await.expect("a reader");
    on!(reader, conn => sqlx::query_scalar("SELECT wrapped FROM data_key").fetch_one(conn).await).expect("a key")
}

async fn write(db: &Db, statement: &'static str, bytes: &[u8]) {
    let mut tx = db.write().await.expect("a transaction");
    on!(tx, conn => sqlx::query(statement).bind(bytes).execute(conn).await.map(drop)).expect("done");
    tx.commit().await.expect("committed");
}

fn holds(folder: &Path, bytes: &[u8]) -> bool {
    let files = std::fs::read_dir(folder).expect("the folder");
    let mut contents = files.map(|file| std::fs::read(file.expect("a file").path()).expect("its bytes"));
    contents.any(|content| content.windows(bytes.len()).any(|window| window == bytes))
}
