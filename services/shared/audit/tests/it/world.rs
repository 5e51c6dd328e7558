//! A log in a database of its own, and acts to write into it.

use audit::{Act, Anchor, Broken, Verified, VerifyError};
use rpc::Actor;
use serde_json::json;
use storage::testing::{Kind, TestDatabase};
use storage::{Db, Migrations};
use vocabulary::Timestamp;

static MIGRATIONS: Migrations = Migrations {
    sqlite: sqlx::migrate!("tests/migrations/sqlite"),
    postgres: sqlx::migrate!("tests/migrations/postgres"),
};

pub const ACME: &str = "prv_00000000000000000000";
pub const OTHER: &str = "prv_11111111111111111111";

pub struct World {
    pub db: Db,
    pub database: TestDatabase,
}

/// What differs between the acts of these tests.
#[derive(Clone, Copy)]
pub struct Done<'a> {
    pub at: i64,
    pub concerns: &'a str,
    pub subject: &'a str,
    pub verb: &'static str,
    pub target: &'a str,
}

pub const PUT: Done<'static> =
    Done { at: 1000, concerns: ACME, subject: "cli_1", verb: "device.put", target: "00562b043615" };

impl World {
    pub async fn new(kind: Kind) -> Self {
        let database = TestDatabase::new(kind).await;
        let db = Db::open(database.place(), &MIGRATIONS).await.expect("a database");
        Self { db, database }
    }

    /// Writes each act in a transaction of its own.
    pub async fn write(&self, acts: &[Done<'_>]) {
        for act in acts {
            let mut tx = self.db.write().await.expect("a transaction");
            append(&mut tx, act).await;
            tx.commit().await.expect("committed");
        }
    }

    pub async fn verified(&self, anchor: Option<&Anchor>) -> Result<Verified, Broken> {
        match audit::verify(&self.db, anchor).await {
            Ok(verified) => Ok(verified),
            Err(VerifyError::Broken(broken)) => Err(broken),
            Err(VerifyError::Store(error)) => panic!("{error}"),
        }
    }

    /// What to give back to a later verification.
    pub async fn anchor(&self) -> Anchor {
        let verified = self.verified(None).await.expect("a whole log");
        verified.to_string().parse().expect("an anchor")
    }
}

pub async fn append(tx: &mut storage::Tx, done: &Done<'_>) {
    let actor = Actor {
        subject: done.subject.to_owned(),
        tenant: ACME.to_owned(),
        source: "192.0.2.7".to_owned(),
        request_id: "req-1".to_owned(),
    };
    let (at, detail) = (Timestamp::from_micros(done.at), json!({ "profile": "prf_\u{e9}" }));
    let act = Act { at, concerns: done.concerns, actor: &actor, verb: done.verb, target: done.target, detail };
    audit::append(tx.connection(), &act).await.expect("appended");
}
