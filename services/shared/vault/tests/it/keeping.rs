//! A data key is made once, opened with the right master key only, and gets another one without a stop.

use std::path::Path;
use std::sync::Arc;

use storage::Db;
use tempfile::TempDir;
use vault::{MasterKey, Vault, VaultError, rewrap};
use vocabulary::{Clock, ManualClock, Randomness, Timestamp};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("tests/migrations");

const PLACE: &str = "phone.sealed/1";

struct World {
    db: Db,
    folder: TempDir,
    randomness: Arc<Randomness>,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let db = Db::open(&folder.path().join("vault.db"), &MIGRATIONS).await.expect("a database");
        Self { db, folder, randomness: Arc::new(Randomness::system().expect("randomness")) }
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

#[tokio::test]
async fn what_is_sealed_opens_after_a_restart_and_in_its_place_only() {
    let world = World::new().await;
    let [master, ..] = masters();
    let sealed = world.vault(&master).await.expect("a vault").seal(PLACE, b"--key 1234").expect("sealed");
    let again = world.vault(&master).await.expect("the same vault");
    assert!(opens(&again, PLACE, &sealed));
    assert!(
        matches!(again.unseal("phone.sealed/2", &sealed), Err(VaultError::Unopenable { place }) if place == "phone.sealed/2")
    );
    let elsewhere = World::new().await.vault(&master).await.expect("another vault");
    assert!(!opens(&elsewhere, PLACE, &sealed), "each database has its own key");
}

#[tokio::test]
async fn those_who_open_at_once_share_one_key() {
    let world = World::new().await;
    let [master, ..] = masters();
    let (one, other) = tokio::join!(world.vault(&master), world.vault(&master));
    let sealed = one.expect("a vault").seal(PLACE, b"--key 1234").expect("sealed");
    assert!(opens(&other.expect("a vault"), PLACE, &sealed));
    let kept: (i64, i64) = sqlx::query_as("SELECT COUNT(*), MAX(created_at) FROM data_key")
        .fetch_one(world.db.reader())
        .await
        .expect("a row");
    assert_eq!(kept, (1, 7));
}

#[tokio::test]
async fn a_wrong_master_key_is_told_which_one_is_needed() {
    let world = World::new().await;
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

#[tokio::test]
async fn a_changed_data_key_does_not_open() {
    let world = World::new().await;
    let [master, other, _] = masters();
    world.vault(&master).await.expect("a vault");
    let mut tx = world.db.write().await.expect("a transaction");
    sqlx::query("UPDATE data_key SET wrapped = CAST(wrapped || x'00' AS BLOB)").execute(&mut *tx).await.expect("done");
    tx.commit().await.expect("committed");
    assert!(matches!(world.vault(&master).await, Err(VaultError::Unopenable { .. })));
    assert!(matches!(world.rewrap(&master, &other).await, Err(VaultError::Unopenable { .. })));
}

#[tokio::test]
async fn another_master_key_takes_over_and_may_do_so_twice() {
    let world = World::new().await;
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

/// A thief who has the folder has neither the secrets, nor those that were there before, nor the old wrapping.
#[tokio::test]
async fn the_files_hold_no_secret_and_nothing_that_was_replaced() {
    let world = World::new().await;
    let [old, new, _] = masters();
    let vault = world.vault(&old).await.expect("a vault");
    let plain = b"--key 1234".repeat(3000);
    write(&world.db, "INSERT INTO phone (id, sealed) VALUES (1, $1)", &vault.seal(PLACE, &plain).expect("sealed"))
        .await;
    let marked = b"a secret from before it was sealed. ".repeat(3000);
    write(&world.db, "INSERT INTO phone (id, sealed) VALUES (2, $1)", &marked).await;
    let wrapped: Vec<u8> =
        sqlx::query_scalar("SELECT wrapped FROM data_key").fetch_one(world.db.reader()).await.expect("a key");
    write(&world.db, "UPDATE phone SET sealed = $1 WHERE id = 2", b"").await;
    world.rewrap(&old, &new).await.expect("taken over");
    world.db.close().await;
    for secret in [b"--key 1234".as_slice(), b"a secret from before", &wrapped] {
        assert!(!holds(world.folder.path(), secret), "{}", String::from_utf8_lossy(secret));
    }
    assert!(holds(world.folder.path(), new.id().as_bytes()), "these are the files");
}

async fn write(db: &Db, statement: &'static str, bytes: &[u8]) {
    let mut tx = db.write().await.expect("a transaction");
    sqlx::query(statement).bind(bytes).execute(&mut *tx).await.expect("done");
    tx.commit().await.expect("committed");
}

fn holds(folder: &Path, bytes: &[u8]) -> bool {
    let files = std::fs::read_dir(folder).expect("the folder");
    let mut contents = files.map(|file| std::fs::read(file.expect("a file").path()).expect("its bytes"));
    contents.any(|content| content.windows(bytes.len()).any(|window| window == bytes))
}
