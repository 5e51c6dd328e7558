//! PostgreSQL: a database or a schema on a server, which may go away and come back.

use std::time::Duration;

use sqlx::pool::PoolConnectionMetadata;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool, Postgres, Transaction};

/// A write is mostly waiting for the server's disk, which takes the commits of all who wait in one go; more
/// connections than this wait for processors and row locks instead. A process with all four storing services has
/// 4 * (8 + 4) = 48 connections, so that two stand beside each other under PostgreSQL's usual limit of 100.
const WRITERS: u32 = 8;
/// What phones need is answered from memory; these are for provider pages.
const READERS: u32 = 4;
/// How long a caller waits for a connection. While the server is away this is what each question costs; a
/// failover takes longer than anybody could wait, and the caller is told to come again instead.
const ACQUIRE: Duration = Duration::from_secs(2);
/// A connection that nobody used for so long is asked whether it still answers; one in the thick of things is not,
/// which saves a third of the trips of a small transaction.
const IDLE_LONG: Duration = Duration::from_secs(1);
/// Connections are made anew after this, so that all of them go where the name leads after a server was moved.
const LIFETIME: Duration = Duration::from_mins(15);

/// How long a statement may take: the gateway gives up on a provider's request after 10 s, and nobody would read
/// the answer.
const STATEMENT_TIMEOUT: (&str, &str) = ("statement_timeout", "10s");
/// How long a statement waits for a row that another transaction has written. Less than the whole, so that the
/// error says what it waited for.
const LOCK_TIMEOUT: (&str, &str) = ("lock_timeout", "3s");
/// A process that hangs, or whose network is cut, in the middle of a transaction must not keep others from its
/// rows for longer.
const IDLE_IN_TRANSACTION: (&str, &str) = ("idle_in_transaction_session_timeout", "15s");
/// What makes a commit durable, whatever the server's own setting is. Where it is `remote_apply` on the server, say
/// so in the URL (`?options[synchronous_commit]=remote_apply`), which goes before this.
const SYNCHRONOUS: (&str, &str) = ("synchronous_commit", "on");
/// Readers cannot write, as those of SQLite cannot.
const READ_ONLY: (&str, &str) = ("default_transaction_read_only", "on");

/// How the server's statistics call our connections.
const NAME: &str = "dialtone";

/// The connections to one database. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Pools {
    pub readers: PgPool,
    writers: PgPool,
}

impl Pools {
    /// With the tables as they are. Connects when it is first used.
    pub fn as_it_is(place: &PgConnectOptions) -> Self {
        let named =
            if place.get_application_name().is_some() { place.clone() } else { place.clone().application_name(NAME) };
        let bounded = with_settings(named, &[STATEMENT_TIMEOUT, LOCK_TIMEOUT, IDLE_IN_TRANSACTION, SYNCHRONOUS]);
        let readers = pool(READERS).connect_lazy_with(with_settings(bounded.clone(), &[READ_ONLY]));
        Self { readers, writers: pool(WRITERS).connect_lazy_with(bounded) }
    }

    /// Begins a transaction that may write. `READ COMMITTED` whatever the server's default is: what must not have
    /// changed since it was read stands in the `WHERE` of the statement that writes.
    pub async fn write(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.writers.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await
    }

    pub async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }
}

/// Sets those that the URL does not.
fn with_settings(options: PgConnectOptions, settings: &[(&str, &str)]) -> PgConnectOptions {
    let given = options.get_options().unwrap_or_default().to_owned();
    let is_given = |name: &str| {
        let mut words = given.split_whitespace().map(|word| word.trim_start_matches("-c").trim_start_matches('-'));
        words.any(|word| word.split_once('=').is_some_and(|(given, _)| given == name))
    };
    options.options(settings.iter().copied().filter(|(name, _)| !is_given(name)))
}

fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        .max_lifetime(LIFETIME)
        .test_before_acquire(false)
        .before_acquire(|connection, found| Box::pin(answers(connection, found)))
}

async fn answers(connection: &mut PgConnection, found: PoolConnectionMetadata) -> Result<bool, sqlx::Error> {
    if found.idle_for >= IDLE_LONG {
        connection.ping().await?;
    }
    Ok(true)
}
