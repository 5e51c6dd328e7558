//! A row of the table `code`, and the code it tells of.

use std::str::FromStr;

use serde::Deserialize;
use sqlx::FromRow;
use storage::StoreError;
use vocabulary::{CodeKind, MacAddress, Timestamp};

use crate::grant::State;
use crate::limits::{Limits, Phones};
use crate::record::{Digits, Record};

/// The columns of [`CodeRow`].
macro_rules! columns {
    () => {
        "code.id, code.kind, code.state, code.provider_id, code.profile_id, code.length, code.digits,
       code.starts_at, code.ends_at, code.activation_limit, code.models, code.networks, code.registered_only,
       code.expected_phones, code.activations, code.redeemed_by, code.redeemed_at, code.refusal, code.note,
       code.created_at"
    };
}
pub(super) use columns;

/// The same as members of a JSON object.
macro_rules! members {
    () => {
        "'id', code.id, 'kind', code.kind, 'state', code.state, 'provider_id', code.provider_id,
                   'profile_id', code.profile_id, 'length', code.length, 'digits', code.digits,
                   'starts_at', code.starts_at, 'ends_at', code.ends_at, 'activation_limit', code.activation_limit,
                   'models', code.models, 'networks', code.networks, 'registered_only', code.registered_only,
                   'expected_phones', code.expected_phones, 'activations', code.activations,
                   'redeemed_by', code.redeemed_by, 'redeemed_at', code.redeemed_at, 'refusal', code.refusal,
                   'note', code.note, 'created_at', code.created_at"
    };
}
pub(super) use members;

#[derive(FromRow, Deserialize)]
pub(super) struct CodeRow {
    id: String,
    kind: String,
    state: String,
    provider_id: String,
    profile_id: String,
    length: i64,
    digits: Option<String>,
    starts_at: Option<i64>,
    ends_at: Option<i64>,
    activation_limit: Option<i64>,
    models: String,
    networks: String,
    registered_only: i64,
    expected_phones: i64,
    activations: i64,
    redeemed_by: Option<i64>,
    redeemed_at: Option<i64>,
    refusal: Option<String>,
    note: String,
    created_at: i64,
}

/// As stored.
pub(super) const fn kind_word(kind: CodeKind) -> &'static str {
    match kind {
        CodeKind::Directory => "directory",
        CodeKind::Personal => "personal",
    }
}

/// A column that only our own code writes.
pub(super) const fn impossible(column: &'static str) -> StoreError {
    StoreError::Inconsistent { table: "code", column }
}

fn parse<T: FromStr>(text: &str, column: &'static str) -> Result<T, StoreError> {
    text.parse().map_err(|_| impossible(column))
}

fn parse_list<T: FromStr>(json: &str, column: &'static str) -> Result<Vec<T>, StoreError> {
    let texts: Vec<String> = serde_json::from_str(json).map_err(|_| impossible(column))?;
    texts.iter().map(|text| parse(text, column)).collect()
}

pub(super) fn count(value: i64, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| impossible(column))
}

/// As stored.
pub(super) fn length(digits: i64) -> Result<u32, StoreError> {
    u32::try_from(digits).map_err(|_| impossible("length"))
}

/// As stored.
pub(super) fn mac(bits: i64, column: &'static str) -> Result<MacAddress, StoreError> {
    MacAddress::from_u64(bits.cast_unsigned()).map_err(|_| impossible(column))
}

impl CodeRow {
    fn state(&self) -> Result<State, StoreError> {
        match self.state.as_str() {
            "queued" => Ok(State::Queued),
            "open" => Ok(State::Open),
            "refused" => Ok(State::Refused { reason: self.refusal.clone().ok_or(impossible("refusal"))? }),
            "redeemed" => {
                let (by, at) = self.redeemed_by.zip(self.redeemed_at).ok_or(impossible("redeemed_by"))?;
                Ok(State::Redeemed { by: mac(by, "redeemed_by")?, at: Timestamp::from_micros(at) })
            }
            "revoked" => Ok(State::Revoked),
            _ => Err(impossible("state")),
        }
    }

    fn limits(&self) -> Result<Limits, StoreError> {
        Ok(Limits {
            starts_at: self.starts_at.map(Timestamp::from_micros),
            ends_at: self.ends_at.map(Timestamp::from_micros),
            activations: self.activation_limit.map(|most| count(most, "activation_limit")).transpose()?,
            models: parse_list(&self.models, "models")?,
            networks: parse_list(&self.networks, "networks")?,
            phones: if self.registered_only == 1 { Phones::Registered } else { Phones::Any },
            macs: Vec::new(),
            expected: count(self.expected_phones, "expected_phones")?,
        })
    }
}

impl TryFrom<CodeRow> for Record {
    type Error = StoreError;

    fn try_from(row: CodeRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: parse(&row.id, "id")?,
            kind: match row.kind.as_str() {
                "directory" => CodeKind::Directory,
                "personal" => CodeKind::Personal,
                _ => return Err(impossible("kind")),
            },
            state: row.state()?,
            provider: parse(&row.provider_id, "provider_id")?,
            profile: parse(&row.profile_id, "profile_id")?,
            length: length(row.length)?,
            limits: row.limits()?,
            digits: row.digits.map(Digits),
            activations: count(row.activations, "activations")?,
            note: row.note,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}
