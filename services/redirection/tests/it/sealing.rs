//! Secrets at rest: nowhere in the database's files, and lost without the master key.

use std::path::Path;

use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{Proof, SealFormat};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{Connection, SqliteConnection};
use storage::testing::Kind;
use storage::{Place, on_each_database};
use vault::VaultError;

use crate::support::{Provider, World, client, mac, open_with, rule};
use crate::wishes::row;
use redirection::CannotOpen;
use rpc::Peer;

const SECRET_RULE: &str = "[--key Zebra-in-the-Rule] https://nps.example/$MA.xml";
const KEY: &[u8] = b"Zebra-of-a-phone";
const ZEBRA: &[u8] = b"Zebra";

/// Whether a secret of this file's stands anywhere in the database, its log or its other files.
fn holds_secret(folder: &Path) -> bool {
    let files = std::fs::read_dir(folder).expect("a folder");
    let contents = files.map(|file| std::fs::read(file.expect("a file").path()).expect("its bytes"));
    contents.into_iter().any(|bytes| bytes.windows(ZEBRA.len()).any(|window| window == ZEBRA))
}

#[tokio::test]
async fn no_secret_stands_in_the_files_of_the_database() {
    let world = World::new(Kind::Sqlite, 1).await;
    let acme = world.provider();
    let made = acme.create_proven(Proof::Serial, "Main", vec![rule(SECRET_RULE)]).await.expect("a profile");
    acme.replace_profile(&made, 1).await.expect("the profile");
    acme.put_device(mac(1), "Main").await.expect("a phone");
    acme.set_key(mac(1), SealFormat::Aes128gcm, KEY).await.expect("a key");
    assert_eq!(acme.get_profile(&made.id).await.expect("the profile").parameters, made.parameters);
    assert!(!holds_secret(world.database.folder()));
    world.service.close().await;
    assert!(!holds_secret(world.database.folder()));
}

async fn without_its_master_key_nothing_is_opened(kind: Kind) {
    let world = World::new(kind, 2).await;
    world.provider().create_proven(Proof::Serial, "Main", vec![rule(SECRET_RULE)]).await.expect("a profile");
    world.service.close().await;
    let opened = open_with([8; 32], world.database.place(), &world.clock, &world.randomness).await;
    let error = opened.err().expect("another key");
    assert!(matches!(error, CannotOpen::Vault(VaultError::WrongMaster { .. })));
    assert!(error.to_string().contains("give the one that is needed"), "{error}");
    world.reopened().await;
}

const CLEAR_PROFILE: &str = r#"
INSERT INTO profile (id, provider_id, name, name_key, parameters, version, created_at, changed_at)
VALUES ($1, $2, 'Old ' || $3, $3, '[{"name":"Profile_Rule","value":"' || $4 || '","user_access":"na"}]', 3, 5, 6)"#;

const PHONE: &str = "
INSERT INTO device (mac, provider_id, profile_id, serial, model, note, search_text, created_at, changed_at)
VALUES ($1, $2, $3, NULL, NULL, '', '', 0, 0)";

fn file(world: &World) -> &Path {
    match world.database.place() {
        Place::Sqlite(file) => file,
        Place::Postgres(_) => panic!("no file"),
    }
}

/// A database as the program of before wrote it: its first migration, fifty profiles in the clear of which
/// one was deleted, and its log not carried over.
async fn clear_database(world: &World) -> Vec<String> {
    let folder = tempfile::TempDir::new().expect("a folder");
    let first = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/redirection/sqlite/0001_redirection.sql");
    std::fs::copy(first, folder.path().join("0001_redirection.sql")).expect("the first migration");
    let migrations = Migrator::new(folder.path()).await.expect("a migration");
    world.service.close().await;
    for file in std::fs::read_dir(world.database.folder()).expect("a folder") {
        std::fs::remove_file(file.expect("a file").path()).expect("removed");
    }
    let options = SqliteConnectOptions::new().filename(file(world)).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal);
    let mut old = SqliteConnection::connect_with(&options).await.expect("the database");
    migrations.run_direct(None, &mut old, false).await.expect("migrated");
    let provider = world.provider();
    let ids: Vec<String> = (10..60).map(|number| format!("prf_000000000000000000{number}")).collect();
    for (number, id) in (1..).zip(&ids) {
        let insert = sqlx::query(CLEAR_PROFILE).bind(id).bind(&provider.id).bind(id).bind(SECRET_RULE);
        insert.execute(&mut old).await.expect("a profile");
        let phone = sqlx::query(PHONE).bind(mac(number).cast_signed()).bind(&provider.id).bind(id);
        phone.execute(&mut old).await.expect("a phone");
    }
    sqlx::query("DELETE FROM device WHERE mac = $1").bind(mac(50).cast_signed()).execute(&mut old).await.expect("gone");
    sqlx::query("DELETE FROM profile WHERE id = $1").bind(&ids[49]).execute(&mut old).await.expect("gone");
    old.close().await.expect("closed");
    vec![provider.id, ids[0].clone()]
}

#[tokio::test]
async fn a_database_of_before_is_sealed_before_anything_is_served() {
    let world = World::new(Kind::Sqlite, 3).await;
    let ids = clear_database(&world).await;
    assert!(holds_secret(world.database.folder()), "the test writes secrets");
    let world = world.reopened().await;
    assert!(!holds_secret(world.database.folder()));

    for number in 1..50 {
        let Answer::Redirect(redirect) = world.resolve(mac(number), "").await else { panic!("served as before") };
        assert_eq!(redirect.parameters[0].value, SECRET_RULE);
    }
    let provider = Provider { id: ids[0].clone(), client: client(&world.service, Peer::Gateway) };
    assert_eq!(world.history(mac(1)).await, [row(&provider, "claimed", "")], "its history begins with what is known");
    let profile = provider.get_profile(&ids[1]).await.expect("the profile");
    assert_eq!((profile.version, profile.created_at, profile.changed_at), (3, 5, 6));
    assert_eq!((profile.proof, profile.carries_secret), (Proof::Mac.into(), true));
    let failure = provider.replace_profile(&profile, 0).await.expect_err("its next replacement");
    assert_eq!(failure.reason, "secret_needs_proof");
    let world = world.reopened().await;
    assert!(matches!(world.resolve(mac(1), "").await, Answer::Redirect(_)));
}

#[tokio::test]
async fn a_crash_before_the_old_pages_are_gone_is_made_good() {
    let world = World::new(Kind::Sqlite, 4).await;
    clear_database(&world).await;
    let world = world.reopened().await;
    world.service.close().await;
    // As it is left by a crash between the sealing and the end: rows in the clear, some of them sealed.
    let mut database =
        SqliteConnection::connect(&format!("sqlite:{}", file(&world).display())).await.expect("the database");
    for statement in [
        "DELETE FROM sealing",
        "UPDATE profile SET sealed_parameters = NULL,
            parameters = '[{\"name\":\"Profile_Rule\",\"value\":\"https://Zebra.example/\",\"user_access\":\"na\"}]'
         WHERE id > 'prf_00000000000000000030'",
    ] {
        sqlx::query(statement).execute(&mut database).await.expect("done");
    }
    database.close().await.expect("closed");
    assert!(holds_secret(world.database.folder()));
    let world = world.reopened().await;
    assert!(!holds_secret(world.database.folder()));
    for (number, value) in [(1, SECRET_RULE), (49, "https://Zebra.example/")] {
        let Answer::Redirect(redirect) = world.resolve(mac(number), "").await else { panic!("a redirect") };
        assert_eq!(redirect.parameters[0].value, value);
    }
}

on_each_database!(without_its_master_key_nothing_is_opened);
