//! Phones given back because they have not been seen for long.

use serde_json::json;
use storage::StoreError;

use super::devices::stored;
use super::succession::{GivenUp, pass_on};
use super::{By, Deed};
use crate::index::Change;
use crate::ownership::Ended;
use crate::store::{self, Silent};
use crate::transfer::Decider;
use crate::writer::{Done, Writer};

/// Gives back those of the phones whose owner and policy are still as they were read. Answers how many.
pub(crate) async fn release_unseen(writer: &Writer, unseen: Vec<Silent>, by: By) -> Result<u64, StoreError> {
    let work = async move |mut tx| {
        let (mut changes, mut released) = (Vec::new(), 0);
        for phone in unseen {
            if !store::device_release_silent(&mut tx, &phone, by.at).await? {
                continue;
            }
            released += 1;
            let target = phone.mac.to_string();
            let detail = json!({ "unseen_since": phone.asked_since.to_string() });
            let deed = Deed { concerns: &phone.provider, verb: "device.release_unseen", target: &target, detail };
            by.record(&mut tx, deed).await?;
            let given_up = GivenUp { mac: phone.mac, ended: Ended::Unseen, decider: Decider::Nobody };
            let heir = pass_on(&mut tx, &given_up, &by).await?;
            changes.push(Change::DeviceDeleted(phone.mac));
            changes.extend(heir.as_ref().map(stored));
        }
        Ok(Done { tx, changes, answer: released })
    };
    writer.write(work).await
}
