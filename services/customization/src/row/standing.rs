//! The column `phone`: what is known of a phone besides its state, as JSON in its newest row.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use storage::StoreError;
use vocabulary::Timestamp;

use crate::event::{FailureClass, ResyncFailure};
use crate::phone::Phone;
use crate::row::{known, perhaps};

/// What is missing is left out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Standing<'p> {
    #[serde(skip_serializing_if = "Option::is_none")]
    first_contact: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_contact: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    firmware: Option<Cow<'p, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<Cow<'p, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_class: Option<Cow<'p, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_retry: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acquired_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    second_hand_since: Option<i64>,
    /// The greatest id of its observations, in hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    newest: Option<Cow<'p, str>>,
}

impl<'p> Standing<'p> {
    pub fn of(phone: &'p Phone) -> Self {
        let (first, last) = phone.contact.unzip();
        Self {
            first_contact: first.map(Timestamp::as_micros),
            last_contact: last.map(Timestamp::as_micros),
            firmware: phone.firmware.as_ref().map(|firmware| firmware.as_str().into()),
            model: phone.model.as_ref().map(|model| model.as_str().into()),
            failure_class: phone.failure.map(|failure| failure.class.word().into()),
            failure_status: phone.failure.and_then(|failure| failure.status),
            next_retry: phone.failure.and_then(|failure| failure.retry_at).map(Timestamp::as_micros),
            acquired_at: phone.acquired_at.map(Timestamp::as_micros),
            second_hand_since: phone.second_hand_since.map(Timestamp::as_micros),
            newest: phone.newest.map(|id| id.to_string().into()),
        }
    }

    /// Says it of `phone`, whose address, state and number of entries stand elsewhere.
    pub fn put_into(self, phone: &mut Phone) -> Result<(), StoreError> {
        if let Some(class) = self.failure_class {
            phone.failure = Some(ResyncFailure {
                class: known("phone", FailureClass::from_word(&class))?,
                status: self.failure_status,
                retry_at: self.next_retry.map(Timestamp::from_micros),
            });
        }
        let contact = self.first_contact.zip(self.last_contact);
        phone.contact = contact.map(|(first, last)| (Timestamp::from_micros(first), Timestamp::from_micros(last)));
        phone.firmware = perhaps("phone", self.firmware.as_deref())?;
        phone.model = perhaps("phone", self.model.as_deref())?;
        phone.acquired_at = self.acquired_at.map(Timestamp::from_micros);
        phone.second_hand_since = self.second_hand_since.map(Timestamp::from_micros);
        phone.newest = perhaps("phone", self.newest.as_deref())?;
        Ok(())
    }
}
