//! The databases of one installation on PostgreSQL: one for each service, made for a test and dropped with it.

use std::future::Future;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};
use storage::Place;
use storage::testing::{Kind, TestDatabase};
use tokio::runtime::Builder;

/// The services whose data is on the server. What is not named here stays in a file of the data folder.
const ON_THE_SERVER: [&str; 4] = ["accounts", "redirection", "onboarding", "customization"];

/// The databases on the server, by service.
pub struct Databases(Vec<(&'static str, TestDatabase)>);

impl Databases {
    /// Empty ones on the server of this run, or on that of `admin`.
    pub fn new(admin: Option<&PgConnectOptions>) -> Self {
        wait_for(async {
            let mut made = Vec::new();
            for service in ON_THE_SERVER {
                let database = match admin {
                    Some(admin) => TestDatabase::on(admin.clone()).await,
                    None => TestDatabase::new(Kind::Postgres).await,
                };
                made.push((service, database));
            }
            Self(made)
        })
    }

    /// Others with the same in them. Nobody may be connected to these.
    pub fn copy(&self) -> Self {
        let copy = Self::new(None);
        copy.take_over(self);
        copy
    }

    /// What was in these is gone, and what is in `others` is here. Nobody may be connected to either.
    pub fn take_over(&self, others: &Self) {
        let admin = |options: &PgConnectOptions| options.clone().database("postgres");
        for ((_, here), (_, there)) in self.all().zip(others.all()) {
            let [here_name, there_name] =
                [&here, &there].map(|options| options.get_database().expect("a name").to_owned());
            run(&admin(&here), &format!("DROP DATABASE {here_name} WITH (FORCE)"));
            run(&admin(&here), &format!("CREATE DATABASE {here_name} TEMPLATE {there_name}"));
        }
    }

    /// How each service connects to its own.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, PgConnectOptions)> + '_ {
        self.0.iter().map(|(service, database)| match database.place() {
            Place::Postgres(options) => (*service, (**options).clone()),
            Place::Sqlite(file) => panic!("{} is on no server", file.display()),
        })
    }

    /// How `service` connects to its own; `None` where that is a file.
    pub fn of(&self, service: &str) -> Option<PgConnectOptions> {
        self.all().find(|(name, _)| *name == service).map(|(_, options)| options)
    }
}

fn run(server: &PgConnectOptions, statement: &str) {
    wait_for(async {
        let mut connection = server.connect().await.expect("the server answers");
        sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.expect("done");
    });
}

/// As a program writes it into its configuration.
pub fn url(options: &PgConnectOptions) -> String {
    options.to_url_lossy().to_string()
}

/// Runs `work` to its end.
pub fn wait_for<T>(work: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}
