//! One entry of a timeline as the owner of the phone sees it. What is absent is left out.

use contracts::customization::observation::Event;
use contracts::customization::{Evidence, Observation, TimelineEntry};
use serde::Serialize;

use super::json::{given, moment};
use super::state_name::state_name;

/// The JSON of an entry.
#[derive(Serialize)]
pub(super) struct EntryView {
    number: u64,
    at: Option<String>,
    event: &'static str,
    from: Option<&'static str>,
    to: Option<&'static str>,
    evidence: Option<&'static str>,
    /// Why the event was refused as impossible; `null` where it was not.
    refused: Option<String>,
    #[serde(flatten)]
    facts: Facts,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    firmware: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
}

/// What only some events carry.
#[derive(Default, Serialize)]
struct Facts {
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<String>,
    /// The profile rule it was sent away with, its secrets struck out; or `nothing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<String>,
    /// Why it was given nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<String>,
    /// Where somebody configured it by hand: lcd or web.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    place: Option<String>,
}

impl From<TimelineEntry> for EntryView {
    fn from(entry: TimelineEntry) -> Self {
        let (from, to) = (state_name(entry.from()), state_name(entry.to()));
        let observation = entry.observation.unwrap_or_default();
        let evidence = evidence_name(observation.evidence());
        let Observation { at, event, source, request_id, firmware, model, .. } = observation;
        let (event, facts) = described(event);
        Self {
            number: entry.number,
            at: moment(at),
            event,
            from,
            to,
            evidence,
            refused: given(entry.refused),
            facts,
            source: given(source),
            request_id: given(request_id),
            firmware: given(firmware),
            model: given(model),
        }
    }
}

const fn evidence_name(evidence: Evidence) -> Option<&'static str> {
    match evidence {
        Evidence::Unspecified => None,
        Evidence::Observed => Some("observed"),
        Evidence::Inferred => Some("inferred"),
        Evidence::Reported => Some("reported"),
        Evidence::Stated => Some("stated"),
    }
}

/// An event's name and what it carries.
fn described(event: Option<Event>) -> (&'static str, Facts) {
    let none = Facts::default();
    match event {
        Some(Event::Asked(asked)) => ("asked", Facts { asked: given(asked.question), ..none }),
        Some(Event::AnsweredWithProvider(answer)) => {
            let facts = Facts { answered: given(answer.rule), profile: given(answer.profile_id), ..none };
            ("answered_with_provider", facts)
        }
        Some(Event::AnsweredWithNothing(answer)) => {
            let facts = Facts { answered: given("nothing".to_owned()), reason: given(answer.reason), ..none };
            ("answered_with_nothing", facts)
        }
        Some(Event::ResyncSucceeded(_)) => ("resync_succeeded", none),
        Some(Event::ResyncFailed(failed)) => {
            let http_status = (failed.status != 0).then_some(failed.status);
            let facts = Facts { class: given(failed.class), http_status, retry_at: moment(failed.retry_at), ..none };
            ("resync_failed", facts)
        }
        Some(Event::ProvisionedByDhcp(_)) => ("provisioned_by_dhcp", none),
        Some(Event::ProvisionedByHand(by_hand)) => {
            ("provisioned_by_hand", Facts { place: given(by_hand.place), ..none })
        }
        Some(Event::FactoryReset(_)) => ("factory_reset", none),
        Some(Event::FirmwareSeen(_)) => ("firmware_seen", none),
        Some(Event::Associated(to)) => ("associated", Facts { profile: given(to.profile_id), ..none }),
        Some(Event::Dissociated(_)) => ("dissociated", none),
        // A newer service may know events that this gateway does not.
        None => ("unknown", none),
    }
}

#[cfg(test)]
mod tests {
    use contracts::customization::{
        AnsweredWithNothing, AnsweredWithProvider, Asked, Associated, Dissociated, FactoryReset, FirmwareSeen,
        ProvisionedByDhcp, ProvisionedByHand, ResyncFailed, ResyncSucceeded, State,
    };

    use super::*;

    fn entry(event: Event) -> TimelineEntry {
        let observation = Observation {
            at: 1_795_370_400_000_000,
            evidence: Evidence::Observed.into(),
            event: Some(event),
            ..Observation::default()
        };
        TimelineEntry {
            number: 7,
            observation: Some(observation),
            from: State::Open.into(),
            to: State::Pending.into(),
            refused: String::new(),
        }
    }

    fn json(entry: TimelineEntry) -> String {
        serde_json::to_string(&EntryView::from(entry)).expect("JSON")
    }

    #[test]
    fn an_entry_says_what_is_known_and_leaves_out_the_rest() {
        let mut asked = entry(Event::Asked(Asked { question: "GET /rc mac=0004f2aabbcc".to_owned() }));
        let bare = concat!(
            r#"{"number":7,"at":"2026-11-22T18:00:00.000000Z","event":"asked","from":"Open","to":"Pending","#,
            r#""evidence":"observed","refused":null,"asked":"GET /rc mac=0004f2aabbcc"}"#,
        );
        assert_eq!(json(asked.clone()), bare);
        let observation = asked.observation.as_mut().expect("an observation");
        observation.source = "192.0.2.1".to_owned();
        observation.request_id = "abc".to_owned();
        observation.firmware = "11.0.1".to_owned();
        asked.refused = "impossible".to_owned();
        let full = json(asked);
        assert!(full.contains(r#""refused":"impossible""#), "{full}");
        assert!(full.ends_with(r#""source":"192.0.2.1","request_id":"abc","firmware":"11.0.1"}"#), "{full}");
    }

    #[test]
    fn every_event_has_its_name_and_its_facts() {
        let failed = ResyncFailed { class: "B".to_owned(), status: 404, retry_at: 1_795_370_400_000_000 };
        let sent = AnsweredWithProvider { profile_id: "prf_1".to_owned(), rule: "/a".to_owned() };
        for (event, wanted) in [
            (Event::AnsweredWithProvider(sent), r#""event":"answered_with_provider""#),
            (
                Event::AnsweredWithNothing(AnsweredWithNothing { reason: "throttled".to_owned() }),
                r#""refused":null,"answered":"nothing","reason":"throttled"}"#,
            ),
            (Event::ResyncSucceeded(ResyncSucceeded {}), r#""event":"resync_succeeded""#),
            (Event::ResyncFailed(failed), r#""class":"B","http_status":404,"retry_at":"2026-11-22T18:00:00.000000Z"}"#),
            (Event::ProvisionedByDhcp(ProvisionedByDhcp {}), r#""event":"provisioned_by_dhcp""#),
            (Event::ProvisionedByHand(ProvisionedByHand { place: "lcd".to_owned() }), r#""where":"lcd"}"#),
            (Event::FactoryReset(FactoryReset {}), r#""event":"factory_reset""#),
            (Event::FirmwareSeen(FirmwareSeen {}), r#""event":"firmware_seen""#),
            (Event::Associated(Associated { profile_id: "prf_1".to_owned() }), r#""profile":"prf_1"}"#),
            (Event::Dissociated(Dissociated {}), r#""event":"dissociated""#),
        ] {
            let json = json(entry(event));
            assert!(json.contains(wanted), "{json}");
        }
    }
}
