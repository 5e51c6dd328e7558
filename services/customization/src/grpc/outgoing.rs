//! Checked types into messages.

use contracts::customization as wire;
use contracts::customization::observation::Event as WireEvent;
use vocabulary::{ProviderId, Timestamp};

use crate::event::{Event, Evidence, Observation, ResyncFailure};
use crate::phone::Phone;
use crate::state::State;
use crate::timeline::Entry;

/// Where a phone stands.
pub(super) fn phone(phone: &Phone) -> wire::Phone {
    let (first, last) = phone.contact.unzip();
    wire::Phone {
        mac: phone.mac.to_u64(),
        state: state(phone.state).into(),
        first_contact: micros(first),
        last_contact: micros(last),
        firmware: text(phone.firmware.as_ref()),
        model: text(phone.model.as_ref()),
        next_retry: micros(phone.failure.and_then(|failure| failure.retry_at)),
        failure: phone.failure.map(resync_failed),
        entries: phone.entries,
        acquired_at: micros(phone.acquired_at),
        second_hand_since: micros(phone.second_hand_since),
    }
}

/// An entry as `reader` may see it: whole, or in outline where the phone was another provider's.
pub(super) fn entry(entry: Entry<'_>, reader: &ProviderId) -> wire::TimelineEntry {
    let outline = entry.is_anothers(reader);
    let whole = observation(entry.observation.into_owned());
    wire::TimelineEntry {
        number: entry.number,
        observation: Some(if outline { outlined(whole) } else { whole }),
        from: state(entry.from).into(),
        to: state(entry.to).into(),
        refused: entry.refused.unwrap_or_default(),
    }
}

fn observation(seen: Observation) -> wire::Observation {
    wire::Observation {
        id: seen.id.map(|id| id.0.to_vec()).unwrap_or_default(),
        mac: seen.mac.to_u64(),
        at: seen.at.as_micros(),
        evidence: evidence(seen.evidence).into(),
        event: Some(event(seen.event)),
        source: text(seen.source.as_ref()),
        request_id: seen.request_id,
        provider_id: text(seen.provider.as_ref()),
        firmware: text(seen.firmware.as_ref()),
        model: text(seen.model.as_ref()),
        // The audit log tells it, to whom it concerns.
        subject: String::new(),
        subject_tenant: String::new(),
        subject_source: String::new(),
    }
}

/// Without what was asked, what was answered, from where, and whose phone it was.
fn outlined(whole: wire::Observation) -> wire::Observation {
    let event = whole.event.map(|event| match event {
        WireEvent::Asked(_) => WireEvent::Asked(wire::Asked::default()),
        WireEvent::AnsweredWithProvider(_) => WireEvent::AnsweredWithProvider(wire::AnsweredWithProvider::default()),
        WireEvent::Associated(_) => WireEvent::Associated(wire::Associated::default()),
        WireEvent::AnsweredWithNothing(_)
        | WireEvent::ResyncSucceeded(_)
        | WireEvent::ResyncFailed(_)
        | WireEvent::ProvisionedByDhcp(_)
        | WireEvent::ProvisionedByHand(_)
        | WireEvent::FactoryReset(_)
        | WireEvent::FirmwareSeen(_)
        | WireEvent::Dissociated(_) => event,
    });
    wire::Observation { event, source: String::new(), request_id: String::new(), provider_id: String::new(), ..whole }
}

fn event(event: Event) -> WireEvent {
    match event {
        Event::Asked { question } => WireEvent::Asked(wire::Asked { question }),
        Event::AnsweredWithProvider { profile, rule } => {
            WireEvent::AnsweredWithProvider(wire::AnsweredWithProvider { profile_id: profile.to_string(), rule })
        }
        Event::AnsweredWithNothing { reason } => {
            WireEvent::AnsweredWithNothing(wire::AnsweredWithNothing { reason: reason.word().to_owned() })
        }
        Event::ResyncSucceeded => WireEvent::ResyncSucceeded(wire::ResyncSucceeded {}),
        Event::ResyncFailed(failure) => WireEvent::ResyncFailed(resync_failed(failure)),
        Event::ProvisionedByDhcp => WireEvent::ProvisionedByDhcp(wire::ProvisionedByDhcp {}),
        Event::ProvisionedByHand { place } => {
            let place = place.map(|place| place.word().to_owned()).unwrap_or_default();
            WireEvent::ProvisionedByHand(wire::ProvisionedByHand { place })
        }
        Event::FactoryReset => WireEvent::FactoryReset(wire::FactoryReset {}),
        Event::FirmwareSeen => WireEvent::FirmwareSeen(wire::FirmwareSeen {}),
        Event::Associated { profile } => WireEvent::Associated(wire::Associated { profile_id: profile.to_string() }),
        Event::Dissociated => WireEvent::Dissociated(wire::Dissociated {}),
    }
}

fn resync_failed(failure: ResyncFailure) -> wire::ResyncFailed {
    wire::ResyncFailed {
        class: failure.class.word().to_owned(),
        status: failure.status.map_or(0, u32::from),
        retry_at: micros(failure.retry_at),
    }
}

const fn state(state: State) -> wire::State {
    match state {
        State::Open => wire::State::Open,
        State::Pending => wire::State::Pending,
        State::CustomPending => wire::State::CustomPending,
        State::Acquired => wire::State::Acquired,
        State::Aborted => wire::State::Aborted,
        State::Unavailable => wire::State::Unavailable,
    }
}

const fn evidence(evidence: Evidence) -> wire::Evidence {
    match evidence {
        Evidence::Observed => wire::Evidence::Observed,
        Evidence::Inferred => wire::Evidence::Inferred,
        Evidence::Reported => wire::Evidence::Reported,
        Evidence::Stated => wire::Evidence::Stated,
    }
}

fn micros(time: Option<Timestamp>) -> i64 {
    time.map_or(0, Timestamp::as_micros)
}

fn text<T: ToString>(value: Option<&T>) -> String {
    value.map(T::to_string).unwrap_or_default()
}
