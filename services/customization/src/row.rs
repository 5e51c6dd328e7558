//! Rows of the two tables, and back. What comes from the database is checked like any input: a row that
//! cannot be is a located error, not a guess.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{FromRow, Sqlite};
use storage::StoreError;
use vocabulary::{MacAddress, Timestamp};

use crate::event::{EmptyBecause, Event, EventKind, Evidence, FailureClass, Observation, ObservationId};
use crate::event::{Place, ResyncFailure};
use crate::phone::Phone;
use crate::state::State;
use crate::timeline::Entry;

/// A row of `phone`; on SQLite an element of the JSON that is read and written.
#[derive(Debug, FromRow, Deserialize, Serialize)]
pub(crate) struct PhoneRow {
    pub mac: i64,
    pub state: String,
    pub entries: i64,
    pub first_contact: Option<i64>,
    pub last_contact: Option<i64>,
    pub firmware: Option<String>,
    pub model: Option<String>,
    pub failure_class: Option<String>,
    pub failure_status: Option<i32>,
    pub next_retry: Option<i64>,
    pub acquired_at: Option<i64>,
    pub second_hand_since: Option<i64>,
}

/// A row of `timeline`.
#[derive(Debug, FromRow)]
pub(crate) struct TimelineRow {
    pub mac: i64,
    pub number: i64,
    pub entry: Option<Vec<u8>>,
    pub at: i64,
    pub event: String,
    pub evidence: String,
    pub from_state: String,
    pub to_state: String,
    pub refused: Option<String>,
    #[sqlx(flatten)]
    pub facts: Facts,
    pub source: Option<String>,
    pub request_id: String,
    pub provider_id: Option<String>,
    pub firmware: Option<String>,
    pub model: Option<String>,
}

/// The columns for what an event carries.
#[derive(Debug, Default, FromRow)]
pub(crate) struct Facts {
    pub question: Option<String>,
    pub profile_id: Option<String>,
    pub rule: Option<String>,
    pub reason: Option<String>,
    pub failure_class: Option<String>,
    pub failure_status: Option<i32>,
    pub next_retry: Option<i64>,
    pub place: Option<String>,
}

/// Makes the located error for a column of one table.
#[derive(Clone, Copy)]
struct Table(&'static str);

impl Table {
    const fn bad(self, column: &'static str) -> StoreError {
        StoreError::Inconsistent { table: self.0, column }
    }

    fn known<T>(self, column: &'static str, value: Option<T>) -> Result<T, StoreError> {
        value.ok_or_else(|| self.bad(column))
    }

    fn parsed<T: FromStr>(self, column: &'static str, text: &str) -> Result<T, StoreError> {
        text.parse().map_err(|_| self.bad(column))
    }

    fn perhaps<T: FromStr>(self, column: &'static str, text: Option<&str>) -> Result<Option<T>, StoreError> {
        text.map(|text| self.parsed(column, text)).transpose()
    }

    fn mac(self, number: i64) -> Result<MacAddress, StoreError> {
        MacAddress::from_u64(number.cast_unsigned()).map_err(|_| self.bad("mac"))
    }

    fn status(self, number: Option<i32>) -> Result<Option<u16>, StoreError> {
        number.map(u16::try_from).transpose().map_err(|_| self.bad("failure_status"))
    }

    fn count(self, column: &'static str, number: i64) -> Result<u64, StoreError> {
        u64::try_from(number).map_err(|_| self.bad(column))
    }
}

const PHONE: Table = Table("phone");
const TIMELINE: Table = Table("timeline");

impl From<&Phone> for PhoneRow {
    fn from(phone: &Phone) -> Self {
        Self {
            mac: phone.mac.to_i64(),
            state: phone.state.word().to_owned(),
            entries: phone.entries.cast_signed(),
            first_contact: phone.contact.map(|(first, _)| first.as_micros()),
            last_contact: phone.contact.map(|(_, last)| last.as_micros()),
            firmware: phone.firmware.as_ref().map(ToString::to_string),
            model: phone.model.as_ref().map(ToString::to_string),
            failure_class: phone.failure.map(|failure| failure.class.word().to_owned()),
            failure_status: phone.failure.and_then(|failure| failure.status).map(i32::from),
            next_retry: phone.failure.and_then(|failure| failure.retry_at).map(Timestamp::as_micros),
            acquired_at: phone.acquired_at.map(Timestamp::as_micros),
            second_hand_since: phone.second_hand_since.map(Timestamp::as_micros),
        }
    }
}

impl TryFrom<PhoneRow> for Phone {
    type Error = StoreError;

    fn try_from(row: PhoneRow) -> Result<Self, StoreError> {
        let failure = match row.failure_class {
            Some(class) => Some(ResyncFailure {
                class: PHONE.known("failure_class", FailureClass::from_word(&class))?,
                status: PHONE.status(row.failure_status)?,
                retry_at: row.next_retry.map(Timestamp::from_micros),
            }),
            None => None,
        };
        Ok(Self {
            mac: PHONE.mac(row.mac)?,
            state: PHONE.known("state", State::from_word(&row.state))?,
            entries: PHONE.count("entries", row.entries)?,
            contact: row
                .first_contact
                .zip(row.last_contact)
                .map(|(first, last)| (Timestamp::from_micros(first), Timestamp::from_micros(last))),
            firmware: PHONE.perhaps("firmware", row.firmware.as_deref())?,
            model: PHONE.perhaps("model", row.model.as_deref())?,
            failure,
            acquired_at: row.acquired_at.map(Timestamp::from_micros),
            second_hand_since: row.second_hand_since.map(Timestamp::from_micros),
        })
    }
}

impl From<Entry> for TimelineRow {
    fn from(entry: Entry) -> Self {
        let seen = entry.observation;
        Self {
            mac: seen.mac.to_i64(),
            number: entry.number.cast_signed(),
            entry: seen.id.map(|id| id.0.to_vec()),
            at: seen.at.as_micros(),
            event: seen.event.kind().word().to_owned(),
            evidence: seen.evidence.word().to_owned(),
            from_state: entry.from.word().to_owned(),
            to_state: entry.to.word().to_owned(),
            refused: entry.refused,
            facts: Facts::from(seen.event),
            source: seen.source.map(|source| source.to_string()),
            request_id: seen.request_id,
            provider_id: seen.provider.map(|id| id.to_string()),
            firmware: seen.firmware.map(|firmware| firmware.to_string()),
            model: seen.model.map(|model| model.to_string()),
        }
    }
}

impl TryFrom<TimelineRow> for Entry {
    type Error = StoreError;

    fn try_from(row: TimelineRow) -> Result<Self, StoreError> {
        let id = row.entry.map(<[u8; 16]>::try_from).transpose().map_err(|_| TIMELINE.bad("entry"))?;
        let kind = TIMELINE.known("event", EventKind::from_word(&row.event))?;
        let observation = Observation {
            id: id.map(ObservationId),
            mac: TIMELINE.mac(row.mac)?,
            at: Timestamp::from_micros(row.at),
            evidence: TIMELINE.known("evidence", Evidence::from_word(&row.evidence))?,
            event: row.facts.into_event(kind)?,
            source: TIMELINE.perhaps("source", row.source.as_deref())?,
            request_id: row.request_id,
            provider: TIMELINE.perhaps("provider_id", row.provider_id.as_deref())?,
            firmware: TIMELINE.perhaps("firmware", row.firmware.as_deref())?,
            model: TIMELINE.perhaps("model", row.model.as_deref())?,
            subject: None,
        };
        Ok(Self {
            number: TIMELINE.count("number", row.number)?,
            observation,
            from: TIMELINE.known("from_state", State::from_word(&row.from_state))?,
            to: TIMELINE.known("to_state", State::from_word(&row.to_state))?,
            refused: row.refused,
        })
    }
}

impl TimelineRow {
    /// Hands the values to a statement that takes rows, in the order of the columns in the table.
    pub fn bind_to(self, statement: Query<'_, Sqlite, SqliteArguments>) -> Query<'_, Sqlite, SqliteArguments> {
        let facts = self.facts;
        statement
            .bind(self.mac)
            .bind(self.number)
            .bind(self.entry)
            .bind(self.at)
            .bind(self.event)
            .bind(self.evidence)
            .bind(self.from_state)
            .bind(self.to_state)
            .bind(self.refused)
            .bind(facts.question)
            .bind(facts.profile_id)
            .bind(facts.rule)
            .bind(facts.reason)
            .bind(facts.failure_class)
            .bind(facts.failure_status)
            .bind(facts.next_retry)
            .bind(facts.place)
            .bind(self.source)
            .bind(self.request_id)
            .bind(self.provider_id)
            .bind(self.firmware)
            .bind(self.model)
    }
}

impl From<Event> for Facts {
    fn from(event: Event) -> Self {
        match event {
            Event::Asked { question } => Self { question: Some(question), ..Self::default() },
            Event::AnsweredWithProvider { profile, rule } => {
                Self { profile_id: Some(profile.to_string()), rule: Some(rule), ..Self::default() }
            }
            Event::AnsweredWithNothing { reason } => Self { reason: Some(reason.word().to_owned()), ..Self::default() },
            Event::ResyncFailed(failure) => Self {
                failure_class: Some(failure.class.word().to_owned()),
                failure_status: failure.status.map(i32::from),
                next_retry: failure.retry_at.map(Timestamp::as_micros),
                ..Self::default()
            },
            Event::ProvisionedByHand { place } => {
                Self { place: place.map(|place| place.word().to_owned()), ..Self::default() }
            }
            Event::Associated { profile } => Self { profile_id: Some(profile.to_string()), ..Self::default() },
            Event::ResyncSucceeded
            | Event::ProvisionedByDhcp
            | Event::FactoryReset
            | Event::FirmwareSeen
            | Event::Dissociated => Self::default(),
        }
    }
}

impl Facts {
    fn into_event(self, kind: EventKind) -> Result<Event, StoreError> {
        Ok(match kind {
            EventKind::Asked => Event::Asked { question: TIMELINE.known("question", self.question)? },
            EventKind::AnsweredWithProvider => Event::AnsweredWithProvider {
                profile: TIMELINE.parsed("profile_id", self.profile_id.as_deref().unwrap_or_default())?,
                rule: TIMELINE.known("rule", self.rule)?,
            },
            EventKind::AnsweredWithNothing => Event::AnsweredWithNothing {
                reason: TIMELINE.known("reason", self.reason.as_deref().and_then(EmptyBecause::from_word))?,
            },
            EventKind::ResyncFailed => Event::ResyncFailed(ResyncFailure {
                class: TIMELINE
                    .known("failure_class", self.failure_class.as_deref().and_then(FailureClass::from_word))?,
                status: TIMELINE.status(self.failure_status)?,
                retry_at: self.next_retry.map(Timestamp::from_micros),
            }),
            EventKind::ProvisionedByHand => Event::ProvisionedByHand {
                place: match self.place.as_deref() {
                    Some(place) => Some(TIMELINE.known("place", Place::from_word(place))?),
                    None => None,
                },
            },
            EventKind::Associated => Event::Associated {
                profile: TIMELINE.parsed("profile_id", self.profile_id.as_deref().unwrap_or_default())?,
            },
            EventKind::ResyncSucceeded => Event::ResyncSucceeded,
            EventKind::ProvisionedByDhcp => Event::ProvisionedByDhcp,
            EventKind::FactoryReset => Event::FactoryReset,
            EventKind::FirmwareSeen => Event::FirmwareSeen,
            EventKind::Dissociated => Event::Dissociated,
        })
    }
}
