//! What the version before left behind is taken over: its providers, its clients, and their secrets. It knew SQLite only.

use std::fs;
use std::path::Path;

use contracts::accounts::{GetSubtreeRequest, ListClientsRequest, Role, TenantKind};
use sqlx::migrate::Migrator;
use storage::testing::Kind;
use storage::{Db, Migrations, Place, on};

use crate::people::cheap_hash;
use crate::support::{Home, START, World, root};

const ACME: &str = "prv_acme0000000000000000";
const BELL: &str = "prv_be110000000000000000";
const OF_ACME: &str = "cli_acme0000000000000000";
const OF_BELL: &str = "cli_be110000000000000000";
const OPERATOR: &str = "cli_0perat0r000000000000";

fn secret(letter: &str) -> String {
    format!("dts_{}", letter.repeat(40))
}

/// A database as the version before made it, filled.
async fn left_behind(file: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let first = "0001_accounts.sql";
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/accounts/sqlite");
    fs::copy(migrations.join(first), folder.path().join(first)).expect("copied");
    let first = Migrator::new(folder.path()).await.expect("a migration");
    // There is nothing of it on a server.
    let migrations = Migrations { sqlite: first, postgres: Migrator::with_migrations(Vec::new()) };
    let db = Db::open(&Place::file(file), &migrations).await.expect("opened");
    let mut tx = db.write().await.expect("a transaction");
    for (id, name, frozen_at) in [(ACME, "Acme", None), (BELL, "Bell", Some(5_i64))] {
        let insert = "INSERT INTO provider VALUES ($1, $2, lower($2), $3, 4, 1)";
        let provider =
            on!(tx, conn => sqlx::query(insert).bind(id).bind(name).bind(frozen_at).execute(conn).await.map(drop));
        provider.expect("a provider");
    }
    for (id, provider, role, letter) in [
        (OF_ACME, Some(ACME), "provider", "a"),
        (OF_BELL, Some(BELL), "provider", "b"),
        (OPERATOR, None, "operator", "c"),
    ] {
        let insert = "INSERT INTO client VALUES ($1, $2, $3, $4, $5, 6, 7)";
        let (name, hash) = (format!("of {letter}"), cheap_hash(&secret(letter)));
        let client = on!(tx, conn => {
            let query = sqlx::query(insert).bind(id).bind(provider).bind(role).bind(name);
            query.bind(hash).execute(conn).await.map(drop)
        });
        client.expect("a client");
    }
    tx.commit().await.expect("committed");
    db.close().await;
}

#[tokio::test]
async fn providers_and_clients_of_before_are_tenants_and_owners() {
    let home = Home::new(Kind::Sqlite).await;
    let Place::Sqlite(file) = home.config().database else { panic!("no file") };
    left_behind(&file).await;
    let world = World::on(home).await;
    let request = GetSubtreeRequest { tenant_id: root() };
    let tree = world.gateway().get_subtree(request).await.expect("a tree").into_inner().tenants;
    let seen: Vec<_> =
        tree.iter().map(|it| (it.id.as_str(), it.name.as_str(), it.kind(), it.frozen, it.parent_id.as_str())).collect();
    let operator = root();
    assert_eq!(
        seen,
        [
            (operator.as_str(), "Operator", TenantKind::Operator, false, ""),
            (ACME, "Acme", TenantKind::Provider, false, operator.as_str()),
            (BELL, "Bell", TenantKind::Provider, true, operator.as_str()),
        ]
    );
    assert_eq!(tree[1].created_at, 4);
    for (tenant, id, letter) in [(ACME, OF_ACME, "a"), (BELL, OF_BELL, "b"), (operator.as_str(), OPERATOR, "c")] {
        let request = ListClientsRequest { tenant_id: tenant.to_owned(), after: String::new(), limit: 10 };
        let clients = world.gateway().list_clients(request).await.expect("a page").into_inner().clients;
        let client = &clients[0];
        assert_eq!((clients.len(), client.id.as_str(), client.name.as_str()), (1, id, format!("of {letter}").as_str()));
        assert_eq!(
            (client.role(), client.scopes.len(), client.created_at, client.last_used_at),
            (Role::Owner, 0, 6, 7)
        );
        assert!(client.secrets.len() == 1 && client.secrets[0].id.starts_with("sec_"));
    }
    assert_eq!(world.log_in_with(OF_BELL, &secret("b")).await.expect_err("still frozen").reason, "provider_frozen");
    assert_eq!(world.log_in_with(OF_ACME, &secret("b")).await.expect_err("wrong").reason, "invalid_client");
    for _ in 0..2 {
        world.log_in_with(OF_ACME, &secret("a")).await.expect("a token");
        world.log_in_with(OPERATOR, &secret("c")).await.expect("a token");
    }
    let selector: (String, String) = on!(world.reader().await, conn => {
        let query = sqlx::query_as("SELECT selector, secret_hash FROM client_secret WHERE client_id = $1");
        query.bind(OF_ACME).fetch_one(conn).await.expect("a secret")
    });
    assert!(selector.0 == "aaaaaaaa" && selector.1.contains("m=19456"), "told apart from further secrets from now on");
    assert!(tree[0].created_at > START.as_micros() - 10 * 365 * 86_400_000_000);
}
