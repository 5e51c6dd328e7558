//! A phone asks who it belongs to.
//!
//! 1. The path is matched with the doors, and the phone's address is read where the door says, or else
//!    from its certificate.
//! 2. Redirection answers from memory. It is told what the phone has shown, and decides.
//! 3. A phone that nobody owns becomes the provider's that waits for its certificate (`window`).
//! 4. What was asked and answered goes to the timeline.
//! 5. The phone gets its provider's flat profile, sealed where it has a key, or 200 with nothing in it,
//!    which makes it say Unavailable (wire-facts 1.2). Every "no" is the same bytes.
//!
//! Where no answer can be had, or there is too much to do (`overload`), the phone gets 503, class C of the
//! chapter's table: it asks again by itself, while an empty 200 would make it give up.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use contracts::redirection::{RefusalReason, ResolveRequest};
use percent_encoding::percent_decode_str;
use rpc::Failure;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::Instrument;

use super::answer;
use super::door::Fit;
use super::identity::Identity;
use super::observed::{Contact, Outcome, shown_certificate};
use super::sealed_answer::seal;
use super::window;
use crate::Gateway;
use crate::metrics::{PhoneAnswer, Shed};
use crate::overload;
use crate::questions::{Redirected, Resolved};

/// An empty answer is given after this long at the earliest. A disk keeps a question sooner than that, so that the time
/// does not tell a phone that is known, whose state is read and changed, from one that is not.
const SOON: Duration = Duration::from_millis(20);
/// After this long a throttled network is answered, whatever it asks: longer than it takes to find the answer and to
/// note it, so that the time says nothing.
const SLOW: Duration = Duration::from_millis(50);
/// By then every process of redirection has heard of a change, and how often it is asked meanwhile.
const HEARD: Duration = Duration::from_millis(1500);
const AGAIN: Duration = Duration::from_millis(50);
/// The longest form that may come with a question, in bytes.
const LONGEST_FORM: usize = 4096;

/// Answers a phone at whichever door it came to.
pub(crate) async fn ask(State(gateway): State<Gateway>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy();
    let Some(fit) = Fit::best(&gateway.config().phone_doors, &path) else {
        return answer::text(StatusCode::NOT_FOUND, "nothing is served at this path");
    };
    let is_question = matches!(parts.method, Method::GET | Method::HEAD | Method::POST);
    if !is_question {
        return answer::wrong_method();
    }
    let form = Form::read(&parts.method, parts.uri.query().unwrap_or_default(), body).await;
    let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let certificate = shown_certificate(&parts);
    let identity = identify(fit, &form, Identity::from_user_agent(user_agent)).or_certified(&certificate);
    let Some(mac) = identity.mac else {
        gateway.metrics().phone_answered(PhoneAnswer::Malformed);
        return answer::no_address();
    };
    let contact = Contact::new(&gateway, &parts, mac, identity);
    answer_question(&gateway, &contact).await
}

/// The parameters of a question: those of the query, and of a form that came with POST.
struct Form(Vec<(String, String)>);

impl Form {
    async fn read(method: &Method, query: &str, body: Body) -> Self {
        let mut fields: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        if *method == Method::POST {
            // A body that cannot be read says nothing of the phone; the query may.
            let body = to_bytes(body, LONGEST_FORM).await.unwrap_or_default();
            fields.extend(form_urlencoded::parse(&body).into_owned());
        }
        Self(fields)
    }

    fn field(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str())
    }
}

fn identify(fit: Fit, form: &Form, user_agent: Identity) -> Identity {
    let mut said = Identity::from_id(form.field("id"));
    said.firmware = form.field("sw").parse().ok();
    said.mac = match fit {
        Fit::Named(mac) => Some(mac),
        Fit::InUserAgent => user_agent.mac,
        Fit::InQuery => said.mac,
        Fit::Unnamed => None,
    };
    said.completed_by(user_agent)
}

/// Steps 2 to 5, for whoever knows the phone's address.
async fn answer_question(gateway: &Gateway, contact: &Contact) -> Response {
    // Neither the query nor the answer belongs into a span: both may hold secrets.
    let span = tracing::debug_span!("phone.ask", request.id = contact.request_id, device.mac = %contact.mac);
    answered(gateway, contact).instrument(span).await
}

async fn answered(gateway: &Gateway, contact: &Contact) -> Response {
    let begun = Instant::now();
    let resolved = match resolve_or_claim(gateway, contact).await {
        Ok(resolved) => resolved,
        Err(failure) => return cannot_answer(gateway, contact, &failure),
    };
    let (limit, network, now) = (gateway.miss_limit(), contact.source.network(), gateway.clock().now());
    // Whoever proves to be the phone does not count through addresses.
    let throttled = !contact.is_proven() && limit.is_exhausted(network, now);
    let outcome = match resolved {
        Resolved::Redirect(redirected) if throttled => Outcome::nothing("throttled", redirected.to.provider_id.clone()),
        Resolved::Redirect(redirected) => Outcome::Sent(redirected),
        Resolved::Refusal(refusal) => Outcome::nothing(reason(refusal.reason()), refusal.provider_id),
    };
    // Each "no" costs the same, or the share that is left would tell which one it was.
    if matches!(outcome, Outcome::Nothing { .. }) && !contact.is_proven() {
        limit.charge(network, now);
    }
    if matches!(outcome, Outcome::Nothing { .. }) && overload::sheds(gateway, Shed::PhoneWithoutAnswer) {
        return overload::refused(gateway);
    }
    if throttled {
        note_throttled(gateway, contact, &outcome);
        sleep_until(begun + SLOW).await;
        return answer::nothing();
    }
    // A HEAD learns nothing that would move the phone.
    if contact.method != Method::HEAD {
        gateway.journal().record(contact.observations(gateway, &outcome)).await;
    }
    if matches!(outcome, Outcome::Nothing { .. }) {
        sleep_until(begun + SOON).await;
    }
    finish(gateway, contact, outcome)
}

/// The owner is told; nobody waits for it, or the time of the answer would tell that there is one. Whoever counts
/// through addresses shall not fill the timelines of those that are nobody's.
fn note_throttled(gateway: &Gateway, contact: &Contact, outcome: &Outcome) {
    gateway.metrics().phone_answered(PhoneAnswer::Throttled);
    let is_owned = matches!(outcome, Outcome::Nothing { provider_id, .. } if !provider_id.is_empty());
    if is_owned && contact.method != Method::HEAD {
        gateway.journal().record_later(contact.observations(gateway, outcome));
    }
}

/// Steps 2, 4 and 5 for a phone whose user has just typed a right code: whoever shares its network, it is
/// not slowed.
pub(super) async fn answer_redeemed(gateway: &Gateway, contact: &Contact, provider_id: &str) -> Response {
    let span = tracing::debug_span!("phone.redeemed", request.id = contact.request_id, device.mac = %contact.mac);
    redeemed(gateway, contact, provider_id).instrument(span).await
}

async fn redeemed(gateway: &Gateway, contact: &Contact, provider_id: &str) -> Response {
    let outcome = match resolve_gained(gateway, contact, provider_id).await {
        Ok(Resolved::Redirect(redirected)) => Outcome::Sent(redirected),
        Ok(Resolved::Refusal(refusal)) => Outcome::nothing(reason(refusal.reason()), refusal.provider_id),
        Err(failure) => return cannot_answer(gateway, contact, &failure),
    };
    gateway.journal().record(contact.observations(gateway, &outcome)).await;
    finish(gateway, contact, outcome)
}

fn cannot_answer(gateway: &Gateway, contact: &Contact, failure: &Failure) -> Response {
    tracing::warn!(error.kind = failure.kind.name(), request.id = contact.request_id, "a phone has to ask again");
    gateway.metrics().phone_answered(PhoneAnswer::Unavailable);
    answer::ask_again()
}

/// Steps 2 and 3. A HEAD claims nothing.
async fn resolve_or_claim(gateway: &Gateway, contact: &Contact) -> Result<Resolved, Failure> {
    let resolved = resolve(gateway, contact).await?;
    let may_claim = matches!(&resolved, Resolved::Refusal(refusal) if refusal.may_claim);
    if !may_claim || contact.method == Method::HEAD || !contact.is_proven() {
        return Ok(resolved);
    }
    match window::claim(gateway, contact).await? {
        Some(provider_id) => resolve_gained(gateway, contact, &provider_id).await,
        None => Ok(resolved),
    }
}

/// The answer for a phone that has just become the provider's. A process of redirection that did not make it so
/// hears of it within a second; until then its answer would make the phone give up.
async fn resolve_gained(gateway: &Gateway, contact: &Contact, provider_id: &str) -> Result<Resolved, Failure> {
    let until = Instant::now() + HEARD;
    loop {
        let resolved = resolve(gateway, contact).await?;
        let owner = match &resolved {
            Resolved::Redirect(redirected) => &redirected.to.provider_id,
            Resolved::Refusal(refusal) => &refusal.provider_id,
        };
        // Or it has become somebody else's in the meantime.
        if owner == provider_id || Instant::now() >= until {
            return Ok(resolved);
        }
        sleep(AGAIN).await;
    }
}

async fn resolve(gateway: &Gateway, contact: &Contact) -> Result<Resolved, Failure> {
    let serial = contact.identity.serial.as_ref().map(ToString::to_string).unwrap_or_default();
    let certificate = contact.certificate.verified().map(window::certified);
    let question = ResolveRequest { mac: contact.mac.to_u64(), serial, certificate };
    gateway.questions().ask(question).await
}

const fn reason(reason: RefusalReason) -> &'static str {
    match reason {
        RefusalReason::NoProvider | RefusalReason::Unspecified => "no_provider",
        RefusalReason::ProviderFrozen => "provider_frozen",
        RefusalReason::WrongSerial => "wrong_serial",
        RefusalReason::NoSerial => "no_serial",
        RefusalReason::NoCertificate => "no_certificate",
        RefusalReason::ForeignCertificate => "foreign_certificate",
        RefusalReason::ExpiredCertificate => "expired_certificate",
        RefusalReason::NoKey => "no_key",
    }
}

fn finish(gateway: &Gateway, contact: &Contact, outcome: Outcome) -> Response {
    match outcome {
        Outcome::Nothing { .. } => {
            gateway.metrics().phone_answered(PhoneAnswer::Nothing);
            answer::nothing()
        }
        Outcome::Sent(redirected) => send(gateway, contact, &redirected),
    }
}

/// What cannot be sealed is not sent at all.
fn send(gateway: &Gateway, contact: &Contact, redirected: &Redirected) -> Response {
    let text = answer::profile_text(&redirected.to.parameters, report_url(gateway, contact).as_deref());
    let response = match redirected.seal.as_ref().map(|key| seal(text.as_bytes(), key, gateway.randomness())) {
        None => answer::profile(text),
        Some(Ok(sealed)) => answer::sealed_profile(sealed),
        Some(Err(error)) => {
            tracing::error!(%error, request.id = contact.request_id, device.mac = %contact.mac, "cannot seal an answer");
            gateway.metrics().phone_answered(PhoneAnswer::Unavailable);
            return answer::ask_again();
        }
    };
    gateway.metrics().phone_answered(PhoneAnswer::Redirect);
    response
}

/// Where this phone may report to: our public address, or the one at which it found us.
fn report_url(gateway: &Gateway, contact: &Contact) -> Option<String> {
    let token = gateway.report_tokens().issue(contact.mac, gateway.clock().now())?;
    let base = match &gateway.config().public_url {
        Some(url) => url.to_string(),
        None => contact.source.base_url()?,
    };
    Some(format!("{}/report/{}", base.trim_end_matches('/'), token.expose()))
}
