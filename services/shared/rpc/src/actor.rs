//! On whose behalf a call is made: set by the edge, carried along every call, written into the audit log.
//!
//! It travels as metadata and not in the messages, because a service acts on none of it: it only keeps it.

use std::time::Duration;

use tonic::Request;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use vocabulary::MacAddress;

use crate::{Peer, within};

/// The names the four texts travel under.
const SUBJECT: &str = "dialtone-actor";
const TENANT: &str = "dialtone-actor-tenant";
const SOURCE: &str = "dialtone-actor-source";
const REQUEST_ID: &str = "dialtone-request-id";

/// The most characters of each text that are carried on.
const LONGEST: usize = 128;

/// Who does something, and through which request.
///
/// A call carries the first 128 characters of each text, with `?` for those that are not printable ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// A client (`cli_…`), a person (`per_…`), a phone (`phone:<mac>`) or a service (`service:<name>`).
    pub subject: String,
    /// The tenant the subject belongs to; empty for phones and services.
    pub tenant: String,
    /// The IP address the request came from; empty where there was none.
    pub source: String,
    /// The request's id, as its answer and the logs name it; empty where there is none.
    pub request_id: String,
}

impl Actor {
    /// Who `request` is made for; where it does not say, the service that makes it.
    pub fn of<T>(request: &Request<T>) -> Self {
        let metadata = request.metadata();
        if let Some(subject) = text(metadata, SUBJECT) {
            let other = |name| text(metadata, name).unwrap_or_default();
            return Self { subject, tenant: other(TENANT), source: other(SOURCE), request_id: other(REQUEST_ID) };
        }
        match request.extensions().get::<Peer>() {
            Some(peer) => Self::service(*peer),
            None => Self::named("service:unknown".to_owned()),
        }
    }

    /// A phone that asks from the address `source`.
    pub fn phone(mac: MacAddress, source: impl Into<String>, request_id: impl Into<String>) -> Self {
        let (source, request_id) = (source.into(), request_id.into());
        Self { source, request_id, ..Self::named(format!("phone:{mac}")) }
    }

    /// A service that acts by itself.
    pub fn service(peer: Peer) -> Self {
        Self::named(format!("service:{}", peer.name()))
    }

    /// Makes `request` one on behalf of this actor.
    pub fn put_into<T>(&self, request: &mut Request<T>) {
        let metadata = request.metadata_mut();
        let texts =
            [(SUBJECT, &self.subject), (TENANT, &self.tenant), (SOURCE, &self.source), (REQUEST_ID, &self.request_id)];
        for (name, text) in texts {
            // A text of printable ASCII is always a value.
            if let Ok(value) = AsciiMetadataValue::try_from(printable(text)) {
                metadata.insert(name, value);
            }
        }
    }

    const fn named(subject: String) -> Self {
        Self { subject, tenant: String::new(), source: String::new(), request_id: String::new() }
    }
}

/// A call of `message` on behalf of `actor` that must be answered within `allowed`.
pub fn within_as<T>(actor: &Actor, allowed: Duration, message: T) -> Request<T> {
    let mut request = within(allowed, message);
    actor.put_into(&mut request);
    request
}

fn text(metadata: &MetadataMap, name: &str) -> Option<String> {
    Some(printable(metadata.get(name)?.to_str().ok()?))
}

fn printable(text: &str) -> String {
    let kept = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    text.chars().take(LONGEST).map(kept).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn carried(actor: &Actor) -> Actor {
        Actor::of(&within_as(actor, Duration::from_secs(1), ()))
    }

    #[test]
    fn a_phone_crosses_a_call_unchanged() {
        let mac = "00:56:2b:04:36:15".parse().expect("a MAC address");
        let phone = Actor::phone(mac, "2001:db8::7", "req-1");
        assert_eq!(phone.subject, "phone:00562b043615");
        assert_eq!(carried(&phone), phone);
        let request = within_as(&phone, Duration::from_secs(1), ());
        assert_eq!(request.metadata().get("grpc-timeout").and_then(|it| it.to_str().ok()), Some("1000000u"));
    }

    #[test]
    fn a_call_without_an_actor_is_its_callers() {
        let mut request = Request::new(());
        assert_eq!(Actor::of(&request).subject, "service:unknown");
        request.extensions_mut().insert(Peer::Onboarding);
        assert_eq!(Actor::of(&request), Actor::service(Peer::Onboarding));
        assert_eq!(Actor::of(&request).subject, "service:onboarding");
    }

    #[test]
    fn what_cannot_be_printed_is_not_carried() {
        let odd = Actor { tenant: "a\r\nb\u{e9}\0".to_owned(), ..Actor::service(Peer::Gateway) };
        assert_eq!(carried(&odd).tenant, "a??b??");
    }

    proptest! {
        #[test]
        fn any_text_is_carried_cut_and_a_second_call_changes_nothing(text in any::<String>(), long in "[ -~]{0,300}") {
            let actor = Actor { subject: text.clone(), tenant: long.clone(), source: text, request_id: long.clone() };
            let once = carried(&actor);
            prop_assert_eq!(&once.tenant, &long.chars().take(LONGEST).collect::<String>());
            prop_assert_eq!(once.subject.chars().count(), actor.subject.chars().count().min(LONGEST));
            prop_assert_eq!(&carried(&once), &once);
        }
    }
}
