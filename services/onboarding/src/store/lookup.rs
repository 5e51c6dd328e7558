//! What a guess reads before it is judged: the code, what the code knows of the phone, and the budgets.
//!
//! One statement for all that wait, and one row for its answer, because a visit to the thread of a database connection
//! costs more than everything that is done there. For each guess it reads one row of `code` and looks once into each of
//! the other tables, whether there is such a code or not.

use serde::{Deserialize, Serialize};
use sqlx::SqliteExecutor;
use storage::StoreError;
use vocabulary::{ActivationCode, CodeKind, MacAddress, Timestamp};

use super::json;
use super::row::{CodeRow, members};
use crate::attempts::{Network, Share};
use crate::code::CodeDigest;
use crate::record::{NOBODYS, Record};

/// What a guess wants to know. Has no `Debug`: the code is secret.
#[derive(Serialize)]
pub(crate) struct Question {
    /// Of a directory code.
    digits: Option<String>,
    /// Of a personal code, in hexadecimal.
    digest: Option<String>,
    mac: i64,
    network: String,
    phone_key: String,
    network_key: String,
    length_key: String,
}

impl Question {
    /// About a code that was typed on the phone, in that network.
    pub fn new(
        code: &ActivationCode,
        digest: &CodeDigest,
        from: (MacAddress, &Network),
        [phone, network, length]: &[Share; 3],
    ) -> Self {
        let (digits, digest) = match code.kind() {
            CodeKind::Directory => (Some(code.expose_digits().to_owned()), None),
            CodeKind::Personal => (None, Some(digest.to_hex())),
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

#[derive(Deserialize)]
struct FoundRow {
    code: CodeRow,
    is_expected: u8,
    has_activated: u8,
    whole_at: [Option<i64>; 3],
    throttled_at: Option<i64>,
}

impl TryFrom<FoundRow> for Found {
    type Error = StoreError;

    fn try_from(row: FoundRow) -> Result<Self, StoreError> {
        Ok(Self {
            record: row.code.try_into()?,
            is_expected: row.is_expected == 1,
            has_activated: row.has_activated == 1,
            // A budget that nobody has drawn on is whole.
            whole_at: row.whole_at.map(|at| Timestamp::from_micros(at.unwrap_or(0))),
            throttled_at: row.throttled_at.map(Timestamp::from_micros),
        })
    }
}

/// Of directory codes with the same digits it finds the live one, or else the newest.
const FIND: &str = concat!(
    "
SELECT json_group_array(
           json_object(
               'code', json_object(",
    members!(),
    "),
               'is_expected', EXISTS (
                   SELECT 1 FROM expected_phone AS it WHERE it.code_id = code.id AND it.mac = asked.value ->> 'mac'
               ),
               'has_activated', EXISTS (
                   SELECT 1 FROM activation AS it WHERE it.code_id = code.id AND it.mac = asked.value ->> 'mac'
               ),
               'whole_at', json_array(
                   (SELECT it.whole_at FROM budget AS it WHERE it.key = asked.value ->> 'phone_key'),
                   (SELECT it.whole_at FROM budget AS it WHERE it.key = asked.value ->> 'network_key'),
                   (SELECT it.whole_at FROM budget AS it WHERE it.key = asked.value ->> 'length_key')
               ),
               'throttled_at', (
                   SELECT it.at
                   FROM attempt AS it
                   WHERE it.outcome = 'throttled' AND it.code_id = code.id AND it.network = asked.value ->> 'network'
               )
           )
           ORDER BY asked.key
       )
FROM jsonb_each($1) AS asked
CROSS JOIN code ON code.id = coalesce(
    CASE
        WHEN asked.value ->> 'digest' IS NULL THEN (
            SELECT it.id
            FROM code AS it
            WHERE it.kind = 'directory' AND it.digits = asked.value ->> 'digits'
            ORDER BY (it.state IN ('queued', 'open')) DESC, it.created_at DESC LIMIT 1
        )
        ELSE (SELECT it.id FROM code AS it WHERE it.digest = unhex(asked.value ->> 'digest'))
    END,
    $2
)"
);

/// What each question is answered with, in their order.
#[tracing::instrument(name = "db.code.find_typed", level = "debug", skip_all, fields(guesses = questions.len()))]
pub(crate) async fn find_typed(
    executor: impl SqliteExecutor<'_>,
    questions: &[Question],
) -> Result<Vec<Result<Found, StoreError>>, StoreError> {
    let found: String = sqlx::query_scalar(FIND).bind(json(questions)?).bind(NOBODYS).fetch_one(executor).await?;
    let found: Vec<FoundRow> = serde_json::from_str(&found).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(found.into_iter().map(Found::try_from).collect())
}
