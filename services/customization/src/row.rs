//! Rows of the timeline, and back. What comes from the database is checked like any input: a row that
//! cannot be is a located error, not a guess.

mod facts;
mod standing;

use std::borrow::Cow;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use storage::StoreError;
use vocabulary::{MacAddress, Timestamp};

use crate::event::{EventKind, Evidence, Observation, ObservationId};
use crate::phone::Phone;
use crate::row::facts::Facts;
use crate::row::standing::Standing;
use crate::state::State;
use crate::timeline::{Entry, Record};

/// A row to be added.
#[derive(Debug)]
pub(crate) struct NewRow {
    pub mac: i64,
    pub number: i64,
    pub entry: Option<[u8; 16]>,
    pub answer: Option<[u8; 16]>,
    pub at: i64,
    pub answered_at: Option<i64>,
    pub event: &'static str,
    pub evidence: &'static str,
    pub from_state: &'static str,
    pub to_state: &'static str,
    pub facts: String,
    pub phone: Option<String>,
}

/// A row as it is read.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct TimelineRow {
    pub mac: i64,
    pub number: i64,
    pub entry: Option<Vec<u8>>,
    pub answer: Option<Vec<u8>>,
    pub at: i64,
    pub answered_at: Option<i64>,
    pub event: String,
    pub evidence: String,
    pub from_state: String,
    pub to_state: String,
    pub facts: String,
}

/// What a phone's newest row says of where it stands.
#[derive(Debug, Deserialize)]
pub(crate) struct NewestRow {
    mac: i64,
    number: i64,
    is_answered: bool,
    to_state: String,
    phone: Option<Standing<'static>>,
}

/// Makes the located error for a column.
const fn bad(column: &'static str) -> StoreError {
    StoreError::Inconsistent { table: "timeline", column }
}

fn known<T>(column: &'static str, value: Option<T>) -> Result<T, StoreError> {
    value.ok_or_else(|| bad(column))
}

fn perhaps<T: FromStr>(column: &'static str, text: Option<&str>) -> Result<Option<T>, StoreError> {
    text.map(str::parse).transpose().map_err(|_| bad(column))
}

fn json<T: DeserializeOwned>(column: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| bad(column))
}

/// As JSON, in a text that has not to grow for it.
fn written(value: &impl Serialize) -> Result<String, serde_json::Error> {
    const USUAL: usize = 512;

    let mut bytes = Vec::with_capacity(USUAL);
    serde_json::to_writer(&mut bytes, value)?;
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

fn mac_address(number: i64) -> Result<MacAddress, StoreError> {
    MacAddress::from_u64(number.cast_unsigned()).map_err(|_| bad("mac"))
}

fn state(word: &str) -> Result<State, StoreError> {
    known("to_state", State::from_word(word))
}

fn id(column: &'static str, bytes: Option<&[u8]>) -> Result<Option<ObservationId>, StoreError> {
    let bytes = bytes.map(<[u8; 16]>::try_from).transpose().map_err(|_| bad(column))?;
    Ok(bytes.map(ObservationId))
}

impl NewRow {
    /// The rows of `records`, which are a phone's newest; the last of them says where the phone stands.
    pub fn of<'r>(records: &'r [Record<'r>], phone: &'r Phone) -> impl Iterator<Item = Result<Self, StoreError>> + 'r {
        records.iter().map(|record| {
            let is_newest = record.newest().number == phone.entries;
            Self::of_one(record, is_newest.then_some(phone)).map_err(|error| sqlx::Error::Encode(error.into()).into())
        })
    }

    fn of_one(record: &Record<'_>, phone: Option<&Phone>) -> Result<Self, serde_json::Error> {
        let Record { entry, answer } = record;
        let seen = &*entry.observation;
        let answered = answer.as_ref().map(|answer| &*answer.observation);
        Ok(Self {
            mac: seen.mac.to_i64(),
            number: entry.number.cast_signed(),
            entry: seen.id.map(|id| id.0),
            answer: answered.and_then(|answered| answered.id).map(|id| id.0),
            at: seen.at.as_micros(),
            answered_at: answered.map(|answered| answered.at.as_micros()),
            event: seen.event.kind().word(),
            evidence: seen.evidence.word(),
            from_state: entry.from.word(),
            to_state: record.newest().to.word(),
            facts: written(&Facts::of(record))?,
            phone: phone.map(|phone| written(&Standing::of(phone))).transpose()?,
        })
    }
}

impl NewestRow {
    /// With the column `phone` as text, as it is kept.
    pub fn of(columns: (i64, i64, bool, String, Option<String>)) -> Result<Self, StoreError> {
        let (mac, number, is_answered, to_state, phone) = columns;
        let phone = phone.map(|phone| json("phone", &phone)).transpose()?;
        Ok(Self { mac, number, is_answered, to_state, phone })
    }
}

impl TryFrom<NewestRow> for Phone {
    type Error = StoreError;

    fn try_from(row: NewestRow) -> Result<Self, StoreError> {
        let number = u64::try_from(row.number).map_err(|_| bad("number"))?;
        let mut phone = Self::unheard_of(mac_address(row.mac)?);
        phone.state = state(&row.to_state)?;
        phone.entries = number + u64::from(row.is_answered);
        known("phone", row.phone)?.put_into(&mut phone)?;
        Ok(phone)
    }
}

impl TryFrom<TimelineRow> for Record<'static> {
    type Error = StoreError;

    fn try_from(row: TimelineRow) -> Result<Self, StoreError> {
        let mut facts: Facts<'_> = json("facts", &row.facts)?;
        let number = u64::try_from(row.number).map_err(|_| bad("number"))?;
        let (from, to) = (known("from_state", State::from_word(&row.from_state))?, state(&row.to_state)?);
        let refused = facts.refused.take().map(Cow::into_owned);
        let answer = row.answered_at.map(|at| facts.take_answer().map(|event| (at, event))).transpose()?;
        let seen = row.observation(facts)?;
        let Some((at, event)) = answer else {
            let entry = Entry { number, observation: Cow::Owned(seen), from, to, refused };
            return Ok(Self { entry, answer: None });
        };
        let answered = Observation {
            id: id("answer", row.answer.as_deref())?,
            at: Timestamp::from_micros(at),
            event,
            ..seen.clone()
        };
        // Only a question that was accepted is kept together with its answer, and it leads to Pending.
        let between = State::Pending;
        let accepted =
            |number, seen, from, to| Entry { number, observation: Cow::Owned(seen), from, to, refused: None };
        let entry = accepted(number, seen, from, between);
        Ok(Self { entry, answer: Some(accepted(number + 1, answered, between, to)) })
    }
}

impl TimelineRow {
    /// What was observed; of a question with its answer, the question.
    fn observation(&self, facts: Facts<'_>) -> Result<Observation, StoreError> {
        Ok(Observation {
            id: id("entry", self.entry.as_deref())?,
            mac: mac_address(self.mac)?,
            at: Timestamp::from_micros(self.at),
            evidence: known("evidence", Evidence::from_word(&self.evidence))?,
            source: facts.source,
            provider: perhaps("facts", facts.provider_id.as_deref())?,
            firmware: perhaps("facts", facts.firmware.as_deref())?,
            model: perhaps("facts", facts.model.as_deref())?,
            request_id: facts.request_id.as_deref().unwrap_or_default().to_owned(),
            subject: None,
            event: facts.into_event(known("event", EventKind::from_word(&self.event))?)?,
        })
    }
}

#[cfg(test)]
mod tests;
