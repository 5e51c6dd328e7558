//! What Dialtone itself sees of a phone's question, as observations for its timeline.

use axum::http::Method;
use axum::http::request::Parts;
use contracts::customization::observation::Event;
use contracts::customization::{AnsweredWithNothing, AnsweredWithProvider, Asked, Evidence, Observation};
use vocabulary::{DeviceModel, Firmware, MacAddress, SerialNumber};

use super::identity::Identity;
use crate::Gateway;
use crate::device_certificate::DeviceCertificate;
use crate::listen::Source;
use crate::observation_id::observation_id;
use crate::questions::Redirected;
use crate::request_id::RequestId;

/// One request of a phone.
pub(super) struct Contact {
    pub mac: MacAddress,
    pub identity: Identity,
    /// What it has shown.
    pub certificate: DeviceCertificate,
    pub method: Method,
    pub source: Source,
    pub request_id: String,
    /// What was asked, for people to read: the path, never the query, and what the phone said of itself.
    question: String,
}

/// How the question ended.
pub(super) enum Outcome {
    /// With a provider.
    Sent(Redirected),
    /// With an empty answer, and why.
    Nothing { reason: &'static str, provider_id: String },
}

impl Outcome {
    pub const fn nothing(reason: &'static str, provider_id: String) -> Self {
        Self::Nothing { reason, provider_id }
    }
}

impl Contact {
    pub fn new(gateway: &Gateway, parts: &Parts, mac: MacAddress, identity: Identity) -> Self {
        let certificate = shown_certificate(parts);
        let question = question(parts, mac, &identity) + &note(&certificate);
        let (method, source) = (parts.method.clone(), Source::of(parts));
        Self { mac, identity, certificate, method, source, request_id: RequestId::draw(gateway).0, question }
    }

    /// Whether its certificate says that it is the phone it asks for.
    pub fn is_proven(&self) -> bool {
        self.certificate.proves(self.mac)
    }

    /// The question and its answer, to be recorded together.
    pub fn observations(&self, gateway: &Gateway, outcome: &Outcome) -> Vec<Observation> {
        let (provider_id, answered) = match outcome {
            Outcome::Sent(Redirected { to, .. }) => {
                let answered = AnsweredWithProvider { profile_id: to.profile_id.clone(), rule: to.rule.clone() };
                (&to.provider_id, Event::AnsweredWithProvider(answered))
            }
            Outcome::Nothing { reason, provider_id } => {
                (provider_id, Event::AnsweredWithNothing(AnsweredWithNothing { reason: (*reason).to_owned() }))
            }
        };
        let asked = Event::Asked(Asked { question: self.question.clone() });
        [asked, answered].into_iter().map(|event| self.observation(gateway, provider_id, event)).collect()
    }

    /// One thing that Dialtone saw happen, at this moment.
    pub fn observation(&self, gateway: &Gateway, provider_id: &str, event: Event) -> Observation {
        let now = gateway.clock().now();
        Observation {
            id: observation_id(gateway.randomness(), now),
            mac: self.mac.to_u64(),
            at: now.as_micros(),
            evidence: Evidence::Observed.into(),
            event: Some(event),
            source: self.source.address_text(),
            request_id: self.request_id.clone(),
            provider_id: provider_id.to_owned(),
            firmware: self.identity.firmware.as_ref().map(ToString::to_string).unwrap_or_default(),
            model: self.identity.model.as_ref().map(ToString::to_string).unwrap_or_default(),
            subject: String::new(),
            subject_tenant: String::new(),
            subject_source: String::new(),
        }
    }
}

/// What the client of the request has shown, as the listener found it.
pub(super) fn shown_certificate(parts: &Parts) -> DeviceCertificate {
    parts.extensions.get().cloned().unwrap_or_default()
}

/// What the owner is told of the certificate: whose it is, and whether it has expired. One of an unknown
/// authority says nothing of the phone.
fn note(certificate: &DeviceCertificate) -> String {
    let Some(verified) = certificate.verified() else { return String::new() };
    let expired = if verified.is_expired { " certificate_expired" } else { "" };
    format!(" certificate={}{expired}", verified.manufacturer)
}

/// Made of what was understood, so that nothing typed by a stranger is shown to a provider as it came.
fn question(parts: &Parts, mac: MacAddress, identity: &Identity) -> String {
    // The code that a user typed into a profile rule stands in its path.
    let path = if parts.uri.path().starts_with("/a/") { "/a/…" } else { parts.uri.path() };
    let mut text = format!("{} {path} mac={mac}", parts.method);
    let serial = identity.serial.as_ref().or(identity.hinted_serial.as_ref());
    let facts = [
        (" serial=", serial.map(SerialNumber::as_str)),
        (" model=", identity.model.as_ref().map(DeviceModel::as_str)),
        (" firmware=", identity.firmware.as_ref().map(Firmware::as_str)),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            text.push_str(name);
            text.push_str(value);
        }
    }
    text
}
