//! Changes of the keys that phones' answers are sealed with.

use serde_json::json;

use super::{By, Deed};
use crate::Redirection;
use crate::assignment::Assignment;
use crate::index::Change;
use crate::refusal::DeviceRefused;
use crate::store::{self, NewKey};
use crate::writer::Done;

impl Redirection {
    /// Registers the key of a provider's phone, or takes it away.
    pub(crate) async fn device_key_set(&self, new: NewKey, by: By) -> Result<Assignment, DeviceRefused> {
        let vault = self.vault.clone();
        let work = async move |mut tx| {
            store::provider_must_be_free::<DeviceRefused>(&mut tx, &new.provider).await?;
            store::device_key_set(&mut tx, &vault, &new).await?;
            let device =
                store::device_find(tx.connection(), &new.provider, new.mac).await?.ok_or(DeviceRefused::Unknown)?;
            let format = new.key.as_ref().map(|key| key.format.word());
            let (verb, target, detail) = ("device.key", new.mac.to_string(), json!({ "format": format }));
            by.record(&mut tx, Deed { concerns: &new.provider, verb, target: &target, detail }).await?;
            let change = match new.key {
                Some(key) => Change::DeviceKeySet { mac: new.mac, key },
                None => Change::DeviceKeyDeleted(new.mac),
            };
            Ok(Done { tx, changes: vec![change], answer: device })
        };
        self.writer.write(work).await
    }
}
