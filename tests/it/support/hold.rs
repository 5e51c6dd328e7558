//! Somebody else who writes to a service's database, and does not come to an end.

use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, query_scalar};
use tokio::runtime::{Builder, Runtime};

use super::server::Server;

/// Every table but for what the program itself keeps of its migrations. Readers are let through, as SQLite does.
const LOCK_ALL: &str = "SELECT 'LOCK TABLE ' || string_agg(quote_ident(tablename), ', ') || ' IN EXCLUSIVE MODE'
                        FROM pg_tables WHERE schemaname = current_schema()";

/// Nobody else writes as long as this is there.
pub struct Hold {
    runtime: Runtime,
    writer: Writer,
}

enum Writer {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Hold {
    pub fn on(server: &Server, service: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let on_a_server = server.installation().databases().and_then(|all| all.of(service));
        let writer = runtime.block_on(async {
            let Some(options) = on_a_server else {
                let options =
                    SqliteConnectOptions::new().filename(server.data().join(format!("databases/{service}.db")));
                let mut connection = options.connect().await.expect("the database");
                sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.expect("its turn");
                return Writer::Sqlite(connection);
            };
            let mut connection = options.connect().await.expect("the database");
            let lock: String = query_scalar(LOCK_ALL).fetch_one(&mut connection).await.expect("the tables");
            let statements = format!("BEGIN; {lock}");
            sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.expect("its turn");
            Writer::Postgres(connection)
        });
        Self { runtime, writer }
    }

    pub fn release(self) {
        let Self { runtime, writer } = self;
        let closed = match writer {
            Writer::Sqlite(connection) => runtime.block_on(connection.close()),
            Writer::Postgres(connection) => runtime.block_on(connection.close()),
        };
        closed.expect("it lets go");
    }
}
