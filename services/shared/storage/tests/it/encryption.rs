//! A server that is not this machine must prove by its certificate who it is.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::postgres::PgSslMode;
use storage::testing::{Server, TestDatabase};
use storage::{Db, Place, on};

use crate::world::World;

/// Gives the server a certificate for `localhost` that it signed itself, and says where that is.
async fn certified(server: &Server, world: &World) -> PathBuf {
    let data = server.folder().join("data");
    let [certificate, key] = ["server.crt", "server.key"].map(|name| data.join(name));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args([Path::new("-out"), &certificate, Path::new("-keyout"), &key])
        .output()
        .expect("openssl can be run");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let owner = std::fs::metadata(&data).expect("its folder");
    for file in [&certificate, &key] {
        chown(file, Some(owner.uid()), Some(owner.gid())).expect("the server's own");
    }
    let mut reader = world.db.read().await.expect("a reader");
    for statement in ["ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"] {
        on!(reader, conn => sqlx::query(statement).execute(conn).await.map(drop)).expect("done");
    }
    certificate
}

#[tokio::test]
async fn only_the_server_that_is_meant_is_spoken_to() {
    let server = Server::new();
    let world = World::on(TestDatabase::on(server.admin()).await).await;
    let certificate = certified(&server, &world).await;
    let Place::Postgres(plain) = world.database.place() else { panic!("no server") };
    let trusting = plain.clone().ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(&certificate);

    let db = Db::open_as_it_is(&Place::Postgres(Box::new(trusting.clone().host("localhost")))).await.expect("a place");
    let encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    // The server takes up its certificate a moment after it was told to.
    let mut reader = loop {
        match db.read().await {
            Ok(reader) => break reader,
            Err(error) => assert!(error.to_string().contains("does not support TLS"), "{error}"),
        }
    };
    let is_encrypted: bool = on!(reader, conn => sqlx::query_scalar(encrypted).fetch_one(conn).await).expect("a row");
    assert!(is_encrypted);
    let elsewhere = trusting.host("127.0.0.1");
    let unknown = plain.clone().host("localhost").ssl_mode(PgSslMode::VerifyFull);
    for wrong in [elsewhere, unknown] {
        let db = Db::open_as_it_is(&Place::Postgres(Box::new(wrong))).await.expect("a place");
        let error = db.read().await.expect_err("refused").to_string();
        assert!(error.contains("certificate"), "{error}");
    }
}
