//! What the service has noted of guesses, read from its own database and with its own times; and how a test lets
//! days pass there.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, query, query_scalar};
use tokio::runtime::{Builder, Runtime};

use crate::support::Server;

/// In microseconds.
pub const DAY: i64 = 86_400_000_000;

/// The database of a server that runs.
pub struct Ledger {
    runtime: Runtime,
    connection: SqliteConnection,
}

/// So many guesses a day, and so many at once: the budget that binds somebody.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    pub per_day: i64,
    pub burst: i64,
}

impl Ledger {
    pub fn of(server: &Server) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let options = SqliteConnectOptions::new().filename(server.data().join("databases/onboarding.db"));
        let connection = runtime.block_on(options.connect()).expect("the database");
        Self { runtime, connection }
    }

    /// When guesses from the networks whose stored form begins like this were judged and found wrong.
    pub fn judged(&mut self, networks: &str) -> Vec<i64> {
        let asked = query_scalar(
            "SELECT at FROM attempt
             WHERE network LIKE $1 || '%' AND outcome NOT IN ('throttled', 'redeemed', 'repeated')
             ORDER BY at",
        );
        self.runtime.block_on(asked.bind(networks).fetch_all(&mut self.connection)).expect("the attempts")
    }

    /// As if so much time had passed since the last guess.
    pub fn pass(&mut self, micros: i64) {
        let earlier = query("UPDATE budget SET whole_at = whole_at - $1").bind(micros);
        self.runtime.block_on(earlier.execute(&mut self.connection)).expect("the budgets");
    }
}

impl Allowance {
    pub const fn step(self) -> i64 {
        DAY / self.per_day
    }

    /// The most guesses that may be judged from the first of these moments to the last.
    pub fn most(self, moments: &[i64]) -> i64 {
        let took = moments.last().expect("a guess") - moments.first().expect("a guess");
        self.burst + took / self.step()
    }
}
