//! The column `facts`: what an event carries, and its circumstances, as JSON.

use std::borrow::Cow;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use storage::StoreError;
use vocabulary::Timestamp;

use crate::event::{EmptyBecause, Event, EventKind, FailureClass, Place, ResyncFailure};
use crate::row::{bad, known};
use crate::timeline::Record;

/// What there is to be said of a row; what is missing is left out.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Facts<'o> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<Cow<'o, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile_id: Option<Cow<'o, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Cow<'o, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'o, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_class: Option<Cow<'o, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_retry: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Cow<'o, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Cow<'o, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Cow<'o, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<Cow<'o, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<Cow<'o, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Cow<'o, str>>,
}

impl<'o> Facts<'o> {
    /// Those of an entry, or of a question and its answer, which share their circumstances.
    pub fn of(record: &'o Record<'o>) -> Self {
        let seen = &*record.entry.observation;
        let mut facts = Self {
            refused: record.entry.refused.as_deref().map(Cow::Borrowed),
            source: seen.source,
            request_id: (!seen.request_id.is_empty()).then_some(Cow::Borrowed(seen.request_id.as_str())),
            provider_id: seen.provider.as_ref().map(|id| Cow::Borrowed(id.as_str())),
            firmware: seen.firmware.as_ref().map(|firmware| Cow::Borrowed(firmware.as_str())),
            model: seen.model.as_ref().map(|model| Cow::Borrowed(model.as_str())),
            ..Self::default()
        };
        facts.add(&seen.event);
        if let Some(answer) = &record.answer {
            facts.add(&answer.observation.event);
        }
        facts
    }

    fn add(&mut self, event: &'o Event) {
        match event {
            Event::Asked { question } => self.question = Some(question.into()),
            Event::AnsweredWithProvider { profile, rule } => {
                self.profile_id = Some(profile.as_str().into());
                self.rule = Some(rule.into());
            }
            Event::AnsweredWithNothing { reason } => self.reason = Some(reason.word().into()),
            Event::ResyncFailed(failure) => {
                self.failure_class = Some(failure.class.word().into());
                self.failure_status = failure.status;
                self.next_retry = failure.retry_at.map(Timestamp::as_micros);
            }
            Event::ProvisionedByHand { place } => self.place = place.map(|place| place.word().into()),
            Event::Associated { profile } => self.profile_id = Some(profile.as_str().into()),
            Event::ResyncSucceeded
            | Event::ProvisionedByDhcp
            | Event::FactoryReset
            | Event::FirmwareSeen
            | Event::Dissociated => {}
        }
    }

    /// The answer that is kept with its question.
    pub fn take_answer(&mut self) -> Result<Event, StoreError> {
        let (profile_id, rule, reason) = (self.profile_id.take(), self.rule.take(), self.reason.take());
        let kind = if reason.is_some() { EventKind::AnsweredWithNothing } else { EventKind::AnsweredWithProvider };
        Self { profile_id, rule, reason, ..Self::default() }.into_event(kind)
    }

    /// What happened.
    pub fn into_event(self, kind: EventKind) -> Result<Event, StoreError> {
        Ok(match kind {
            EventKind::Asked => Event::Asked { question: fact(self.question)?.into_owned() },
            EventKind::AnsweredWithProvider => {
                Event::AnsweredWithProvider { profile: parsed(self.profile_id)?, rule: fact(self.rule)?.into_owned() }
            }
            EventKind::AnsweredWithNothing => {
                Event::AnsweredWithNothing { reason: word(self.reason, EmptyBecause::from_word)? }
            }
            EventKind::ResyncFailed => Event::ResyncFailed(ResyncFailure {
                class: word(self.failure_class, FailureClass::from_word)?,
                status: self.failure_status,
                retry_at: self.next_retry.map(Timestamp::from_micros),
            }),
            EventKind::ProvisionedByHand => Event::ProvisionedByHand {
                place: self.place.map(|place| word(Some(place), Place::from_word)).transpose()?,
            },
            EventKind::Associated => Event::Associated { profile: parsed(self.profile_id)? },
            EventKind::ResyncSucceeded => Event::ResyncSucceeded,
            EventKind::ProvisionedByDhcp => Event::ProvisionedByDhcp,
            EventKind::FactoryReset => Event::FactoryReset,
            EventKind::FirmwareSeen => Event::FirmwareSeen,
            EventKind::Dissociated => Event::Dissociated,
        })
    }
}

fn fact<T>(value: Option<T>) -> Result<T, StoreError> {
    known("facts", value)
}

fn parsed<T: FromStr>(text: Option<Cow<'_, str>>) -> Result<T, StoreError> {
    fact(text)?.parse().map_err(|_| bad("facts"))
}

fn word<T>(text: Option<Cow<'_, str>>, named: fn(&str) -> Option<T>) -> Result<T, StoreError> {
    fact(named(&fact(text)?))
}
