//! PostgreSQL dies, falls silent, and has no connection left: phones are answered from memory, what they report waits on
//! the gateway's disk, and whoever wants something changed is told to come again.

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use storage::testing::Server as Postgres;

use super::scene::Scene;
use crate::support::{Plan, Server, Settings, has_meaning_here, wait_for};

/// How many may be connected at once where connections run out.
const FEW: usize = 40;

fn plan(postgres: &Postgres) -> Plan {
    Plan::of(Settings::default()).on_server(postgres.admin())
}

#[test]
fn a_database_server_that_dies_is_not_noticed_by_phones() {
    if !has_meaning_here("database server") {
        return;
    }
    let mut postgres = Postgres::new();
    let mut scene = Scene::set(Server::planned(plan(&postgres)));
    let postgres = std::cell::RefCell::new(&mut postgres);
    for fault in ["PostgreSQL killed", "PostgreSQL killed again"] {
        scene.survives(fault, |_| postgres.borrow_mut().crash(), |_| postgres.borrow_mut().start());
    }
}

#[test]
fn a_database_server_that_falls_silent_is_not_noticed_by_phones() {
    if !has_meaning_here("database server") {
        return;
    }
    let postgres = Postgres::new();
    let mut scene = Scene::set(Server::planned(plan(&postgres).with_links()));
    let fault = "PostgreSQL cut off";
    scene.survives(
        fault,
        |server| server.roads_to_postgres().iter().for_each(|road| road.silence()),
        |server| server.roads_to_postgres().iter().for_each(|road| road.mend()),
    );
    let fault = "connections to PostgreSQL closed";
    scene.survives(
        fault,
        |server| server.roads_to_postgres().iter().for_each(|road| road.cut()),
        |server| server.roads_to_postgres().iter().for_each(|road| road.mend()),
    );
}

/// Takes every connection that the server has to give, those of the services as well.
fn take_all(admin: &PgConnectOptions) -> Vec<PgConnection> {
    const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                             WHERE backend_type = 'client backend' AND application_name <> 'crowd'";
    let options = admin.clone().application_name("crowd");
    wait_for(async {
        let mut crowd = vec![options.connect().await.expect("the first connection")];
        while crowd.len() < FEW {
            match options.connect().await {
                Ok(connection) => crowd.push(connection),
                Err(_) => drop(sqlx::query(TERMINATE).execute(&mut crowd[0]).await.expect("they are ended")),
            }
        }
        crowd
    })
}

#[test]
fn a_database_server_without_a_connection_left_is_not_noticed_by_phones() {
    if !has_meaning_here("database server") {
        return;
    }
    let mut postgres = Postgres::new();
    let few = format!("ALTER SYSTEM SET max_connections = {FEW}");
    wait_for(async {
        let mut connection = postgres.admin().connect().await.expect("a connection");
        sqlx::query(sqlx::AssertSqlSafe(few)).execute(&mut connection).await.expect("it is set");
    });
    postgres.crash();
    postgres.start();
    let mut scene = Scene::set(Server::planned(plan(&postgres)));
    let crowd = std::cell::RefCell::new(Vec::new());
    let admin = postgres.admin();
    scene.survives(
        "PostgreSQL out of connections",
        |_| *crowd.borrow_mut() = take_all(&admin),
        |_| crowd.borrow_mut().clear(),
    );
}
