//! What a guess reads before it is judged: the code, what the code knows of the phone, and the budgets.
//!
//! One statement for all that wait. For each guess it reads one row of `code` and looks once into each of the other
//! tables, whether there is such a code or not.

use serde::Serialize;
use storage::{Connection, Db, StoreError};
use vocabulary::{ActivationCode, CodeKind, MacAddress, Timestamp};

use super::row::CodeRow;
use super::{postgres, sqlite};
use crate::attempts::{Network, Share};
use crate::code::CodeDigest;
use crate::record::Record;

/// What a guess wants to know. Has no `Debug`: the code is secret.
#[derive(Serialize)]
pub(crate) struct Question {
    /// Of a directory code.
    pub(super) digits: Option<String>,
    /// Of a personal code.
    pub(super) digest: Option<CodeDigest>,
    pub(super) mac: i64,
    pub(super) network: String,
    pub(super) phone_key: String,
    pub(super) network_key: String,
    pub(super) length_key: String,
}

impl Question {
    /// About a code that was typed on the phone, in that network.
    pub fn new(
        code: &ActivationCode,
        digest: CodeDigest,
        from: (MacAddress, &Network),
        [phone, network, length]: &[Share; 3],
    ) -> Self {
        let (digits, digest) = match code.kind() {
            CodeKind::Directory => (Some(code.expose_digits().to_owned()), None),
            CodeKind::Personal => (None, Some(digest)),
        };
        Self {
            digits,
            digest,
            mac: from.0.to_i64(),
            network: from.1.as_str().to_owned(),
            phone_key: phone.key.clone(),
            network_key: network.key.clone(),
            length_key: length.key.clone(),
        }
    }
}

/// The code that was typed, or nobody's, and what is known of the phone.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub record: Record,
    /// The phone stands on the list of those that are expected.
    pub is_expected: bool,
    /// The phone has redeemed it before (directory codes).
    pub has_activated: bool,
    /// When each of the budgets is whole again: the phone's, the network's, the length's.
    pub whole_at: [Timestamp; 3],
    /// When a throttled guess of the phone's network at the code was noted.
    pub throttled_at: Option<Timestamp>,
}

/// The same as the tables have it.
pub(super) struct Known {
    pub code: CodeRow,
    pub is_expected: bool,
    pub has_activated: bool,
    pub whole_at: [Option<i64>; 3],
    pub throttled_at: Option<i64>,
}

impl TryFrom<Known> for Found {
    type Error = StoreError;

    fn try_from(known: Known) -> Result<Self, StoreError> {
        Ok(Self {
            record: known.code.try_into()?,
            is_expected: known.is_expected,
            has_activated: known.has_activated,
            // A budget that nobody has drawn on is whole.
            whole_at: known.whole_at.map(|at| Timestamp::from_micros(at.unwrap_or(0))),
            throttled_at: known.throttled_at.map(Timestamp::from_micros),
        })
    }
}

/// What each question is answered with, in their order.
#[tracing::instrument(name = "db.code.find_typed", level = "debug", skip_all, fields(guesses = questions.len()))]
pub(crate) async fn find_typed(db: &Db, questions: &[Question]) -> Result<Vec<Result<Found, StoreError>>, StoreError> {
    let known = match db.read().await?.connection() {
        Connection::Sqlite(conn) => sqlite::find_typed(conn, questions).await?,
        Connection::Postgres(conn) => postgres::find_typed(conn, questions).await?,
    };
    Ok(known.into_iter().map(Found::try_from).collect())
}
