//! Tells a phone's timeline that an activation code made it a provider's, once for each time it did.

use contracts::customization::observation::Event;
use contracts::customization::{Associated, GetTimelineRequest, TimelineEntry};
use contracts::onboarding::RedeemResponse;
use contracts::redirection::resolve_response::Answer;
use contracts::redirection::{GetDeviceRequest, ResolveRequest};
use rpc::{Failure, within};
use vocabulary::MacAddress;

use super::observed::Contact;
use crate::Gateway;
use crate::backends::PHONE_DEADLINE;

/// How far back the timeline of a phone that asks again is read.
const LOOKED_BACK: u32 = 1000;

/// Whose the phone was before its code was traded.
pub(super) struct Former {
    /// Empty where it was nobody's.
    provider_id: String,
    /// Empty where it was sent nowhere, as a frozen provider's phones are.
    profile_id: String,
}

/// Whose the phone is now.
pub(super) async fn former(gateway: &Gateway, mac: MacAddress) -> Result<Former, Failure> {
    let question = ResolveRequest { mac: mac.to_u64(), ..ResolveRequest::default() };
    let response = gateway.backends().redirection.clone().resolve(within(PHONE_DEADLINE, question)).await?;
    Ok(match response.into_inner().answer {
        Some(Answer::Redirect(to)) => Former { provider_id: to.provider_id, profile_id: to.profile_id },
        Some(Answer::Refusal(why)) => Former { provider_id: why.provider_id, profile_id: String::new() },
        None => Former { provider_id: String::new(), profile_id: String::new() },
    })
}

/// Records that the phone is its provider's by what its user typed, unless it was before.
///
/// The association holds whether or not it is recorded; a loss is counted by the journal.
pub(super) async fn tell(gateway: &Gateway, contact: &Contact, former: &Former, gained: &RedeemResponse) {
    let went_there = former.profile_id.is_empty() || former.profile_id == gained.profile_id;
    let was_owned = former.provider_id == gained.provider_id && went_there;
    if was_owned && is_told(gateway, contact.mac, gained).await {
        return;
    }
    let event = Event::Associated(Associated { profile_id: gained.profile_id.clone() });
    let observation = contact.observation(gateway, &gained.provider_id, event);
    gateway.journal().record(vec![observation]).await;
}

/// Whether the timeline knows of the association that the phone has now. It does not where the process
/// died between the association and its record, and the phone asks again. Where that cannot be learned,
/// nothing is told twice.
async fn is_told(gateway: &Gateway, mac: MacAddress, gained: &RedeemResponse) -> bool {
    associated_without_record(gateway, mac, gained).await.map_or(true, |is_missing| !is_missing)
}

async fn associated_without_record(
    gateway: &Gateway,
    mac: MacAddress,
    gained: &RedeemResponse,
) -> Result<bool, Failure> {
    let provider_id = gained.provider_id.clone();
    let request = GetDeviceRequest { provider_id: provider_id.clone(), mac: mac.to_u64() };
    let answer = gateway.backends().redirection.clone().get_device(within(PHONE_DEADLINE, request)).await?;
    let since = answer.into_inner().device.map(|device| device.created_at).unwrap_or_default();
    let request = GetTimelineRequest { mac: mac.to_u64(), provider_id, before: 0, limit: LOOKED_BACK };
    let answer = gateway.backends().customization.clone().get_timeline(within(PHONE_DEADLINE, request)).await?;
    Ok(!answer.into_inner().entries.iter().any(|entry| tells(entry, since)))
}

fn tells(entry: &TimelineEntry, since: i64) -> bool {
    entry
        .observation
        .as_ref()
        .is_some_and(|observation| observation.at >= since && matches!(observation.event, Some(Event::Associated(_))))
}

#[cfg(test)]
mod tests {
    use contracts::customization::{Dissociated, Observation};

    use super::*;

    #[test]
    fn only_an_association_made_since_is_told() {
        let entry = |at, event| {
            let observation = Some(Observation { at, event: Some(event), ..Observation::default() });
            TimelineEntry { observation, ..TimelineEntry::default() }
        };
        let associated = || Event::Associated(Associated::default());
        assert!(tells(&entry(7, associated()), 7));
        assert!(!tells(&entry(6, associated()), 7));
        assert!(!tells(&entry(8, Event::Dissociated(Dissociated {})), 7));
        assert!(!tells(&TimelineEntry::default(), 0));
    }
}
