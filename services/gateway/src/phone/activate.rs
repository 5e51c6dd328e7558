//! A user has typed an activation code (chapter, "Onboard Your Phone with the Activation Code").
//!
//! A phone with a code screen posts it: `POST /activate`. The keypad of a stock phone takes a profile
//! rule (chapter, "Manually Provision a Phone from the Keypad"), and the code can stand in that:
//! `https://dialtone.example/a/5414011256173816/$MA.xml`, or without the file name.
//!
//! 1. Redirection tells whose the phone is now.
//! 2. Onboarding trades the code, and makes the phone the provider's.
//! 3. A phone that was not the provider's before gets `associated` on its timeline.
//! 4. The phone gets the flat profile, as if it had asked.
//!
//! Each step may be repeated, so that a phone whose answer was lost asks again and is answered alike.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use contracts::onboarding::{RedeemRequest, RedeemResponse};
use rpc::{Actor, Failure, within_as};
use serde::Deserialize;
use vocabulary::{ErrorKind, MacAddress};

use super::answer;
use super::ask::answer_redeemed;
use super::association::{Former, former, tell};
use super::identity::Identity;
use super::observed::{Contact, shown_certificate};
use super::report::content_type;
use crate::Gateway;
use crate::backends::PHONE_DEADLINE;
use crate::failpoint;
use crate::metrics::PhoneAnswer;

/// What a phone shows, whatever is wrong with the code (wire-facts 3.1).
const INVALID: &str = "Invalid activation code";

/// What a phone sends, as JSON or as a form. Further fields are ignored, and so is what cannot be read
/// of the phone's description: it is a hint. Has no `Debug`: the code is secret.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Activation {
    code: String,
    mac: String,
    model: Option<String>,
    serial: Option<String>,
    #[serde(alias = "sw")]
    firmware: Option<String>,
}

impl Activation {
    /// `None` where this is neither JSON nor a form, or has no code or address.
    fn understand(content_type: &str, body: &[u8]) -> Option<Self> {
        let activation = if content_type.starts_with("application/json") {
            serde_json::from_slice(body).ok()?
        } else {
            Self::from_form(body)
        };
        (!activation.code.is_empty() && !activation.mac.is_empty()).then_some(activation)
    }

    fn from_form(body: &[u8]) -> Self {
        let mut activation = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            let value = value.into_owned();
            match &*name {
                "code" => activation.code = value,
                "mac" => activation.mac = value,
                "model" => activation.model = Some(value),
                "serial" => activation.serial = Some(value),
                "firmware" | "sw" => activation.firmware = Some(value),
                _ => {}
            }
        }
        activation
    }

    fn identity(&self) -> Identity {
        let mac = self.mac.parse().ok();
        let serial = self.serial.as_deref().and_then(|serial| serial.parse().ok());
        let model = self.model.as_deref().and_then(|model| model.parse().ok());
        let firmware = self.firmware.as_deref().and_then(|firmware| firmware.parse().ok());
        let said = Identity { mac, serial, model, ..Identity::default() };
        Identity { firmware, ..said }
    }
}

/// What becomes of a phone whose code is refused.
#[derive(Clone, Copy)]
enum Asker {
    /// It has a code screen, which shows the sentence of a 403.
    CodeScreen,
    /// It resyncs to a rule. 404 is class B of the chapter's table, "file not found": the phone's page
    /// says so, and a provider can have it given up (`Resync_Fails_On_FNF`), while 403 is class C, a
    /// server in trouble, which a phone asks for ever.
    Resync,
}

impl Asker {
    const fn refusal(self) -> StatusCode {
        match self {
            Self::CodeScreen => StatusCode::FORBIDDEN,
            Self::Resync => StatusCode::NOT_FOUND,
        }
    }
}

/// `POST /activate`.
pub(crate) async fn activate(State(gateway): State<Gateway>, parts: Parts, body: Bytes) -> Response {
    let Some(activation) = Activation::understand(content_type(&parts), &body) else {
        return answer::text(StatusCode::BAD_REQUEST, "expected code and mac, as JSON or as a form");
    };
    let identity = activation.identity().completed_by(Identity::from_user_agent(user_agent(&parts)));
    let identity = identity.or_certified(&shown_certificate(&parts));
    let Some(mac) = identity.mac else {
        return answer::no_address();
    };
    let contact = Contact::new(&gateway, &parts, mac, identity);
    redeem(&gateway, &contact, activation.code, Asker::CodeScreen).await
}

/// `GET /a/{code}`: the phone's address is in the query's `id`, or else in its User-Agent. A user has
/// typed the rule on the phone itself, and that is all there is.
pub(crate) async fn activate_in_path(
    State(gateway): State<Gateway>,
    Path(code): Path<String>,
    parts: Parts,
) -> Response {
    let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let id = query.into_iter().find(|(name, _)| name == "id").map(|(_, id)| id.into_owned()).unwrap_or_default();
    let hint = Identity::from_user_agent(user_agent(&parts));
    let said = Identity::from_id(&id);
    let mac = said.mac.or(hint.mac);
    resync(&gateway, &parts, code, Identity { mac, ..said.completed_by(hint) }).await
}

/// `GET /a/{code}/{mac}.xml`.
pub(crate) async fn activate_named(
    State(gateway): State<Gateway>,
    Path((code, file)): Path<(String, String)>,
    parts: Parts,
) -> Response {
    let mac = file.strip_suffix(".xml").and_then(|mac| mac.parse::<MacAddress>().ok());
    let hint = Identity::from_user_agent(user_agent(&parts));
    resync(&gateway, &parts, code, Identity { mac, ..hint }).await
}

async fn resync(gateway: &Gateway, parts: &Parts, code: String, identity: Identity) -> Response {
    match parts.method {
        Method::GET | Method::POST => {}
        // It must not use the code up, so it cannot tell what GET would: every HEAD is answered alike.
        Method::HEAD => return answer::nothing(),
        _ => return answer::wrong_method(),
    }
    let identity = identity.or_certified(&shown_certificate(parts));
    let Some(mac) = identity.mac else {
        gateway.metrics().phone_answered(PhoneAnswer::Malformed);
        return answer::no_address();
    };
    let contact = Contact::new(gateway, parts, mac, identity);
    redeem(gateway, &contact, code, Asker::Resync).await
}

async fn redeem(gateway: &Gateway, contact: &Contact, code: String, asker: Asker) -> Response {
    // Somebody else's phone must not use the code up.
    if contact.certificate.mac().is_some_and(|shown| shown != contact.mac) {
        gateway.metrics().phone_answered(PhoneAnswer::CodeRefused);
        return answer::text(asker.refusal(), INVALID);
    }
    match trade(gateway, contact, code).await {
        Ok((former, gained)) => {
            failpoint::reached("gateway.activate.before-record");
            tell(gateway, contact, &former, &gained).await;
            failpoint::reached("gateway.activate.after-record");
            answer_redeemed(gateway, contact, &gained.provider_id).await
        }
        Err(failure) if failure.kind.is_our_fault() => {
            gateway.metrics().phone_answered(PhoneAnswer::Unavailable);
            answer::ask_again()
        }
        Err(failure) if failure.kind == ErrorKind::Malformed => {
            gateway.metrics().phone_answered(PhoneAnswer::Malformed);
            answer::text(StatusCode::BAD_REQUEST, &failure.message)
        }
        Err(_) => {
            gateway.metrics().phone_answered(PhoneAnswer::CodeRefused);
            answer::text(asker.refusal(), INVALID)
        }
    }
}

/// Steps 1 and 2.
async fn trade(gateway: &Gateway, contact: &Contact, code: String) -> Result<(Former, RedeemResponse), Failure> {
    let former = former(gateway, contact.mac).await?;
    let identity = &contact.identity;
    let request = RedeemRequest {
        code,
        mac: contact.mac.to_u64(),
        model: identity.model.as_ref().map(ToString::to_string).unwrap_or_default(),
        serial: identity.serial.as_ref().map(ToString::to_string).unwrap_or_default(),
        source: contact.source.address_text(),
    };
    let actor = Actor::phone(contact.mac, contact.source.address_text(), contact.request_id.as_str());
    let gained = gateway.backends().onboarding.clone().redeem(within_as(&actor, PHONE_DEADLINE, request)).await?;
    Ok((former, gained.into_inner()))
}

fn user_agent(parts: &Parts) -> &str {
    parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(content_type: &str, body: &str) -> Option<[String; 5]> {
        let it = Activation::understand(content_type, body.as_bytes())?;
        let [model, serial, firmware] = [it.model, it.serial, it.firmware].map(Option::unwrap_or_default);
        Some([it.code, it.mac, model, serial, firmware])
    }

    #[test]
    fn json_and_form_say_the_same() {
        let all = ["#12 34", "00562b043615", "CP-7832-3PCC", "FCH2034D0PL", "11.0.1"].map(str::to_owned);
        let json = r##"{"code":"#12 34","mac":"00562b043615","model":"CP-7832-3PCC","serial":"FCH2034D0PL","sw":"11.0.1","x":1}"##;
        let form = "code=%2312+34&mac=00562b043615&model=CP-7832-3PCC&serial=FCH2034D0PL&firmware=11.0.1&x=1";
        assert_eq!(fields("application/json", json), Some(all.clone()));
        assert_eq!(fields("application/x-www-form-urlencoded", form), Some(all.clone()));
        assert_eq!(fields("", &form.replace("firmware=", "sw=")), Some(all));
    }

    #[test]
    fn code_and_address_are_needed_and_the_rest_is_not() {
        assert!(fields("application/json", r#"{"code":"123456","mac":"00562b043615"}"#).is_some());
        assert!(fields("application/json", r#"{"code":"123456","mac":"00562b043615","serial":null}"#).is_some());
        assert!(fields("", "code=123456&mac=00562b043615").is_some());
        for (content_type, body) in [
            ("application/json", r#"{"code":"123456"}"#),
            ("application/json", r#"{"code":123456,"mac":"00562b043615"}"#),
            ("application/json", "code=123456&mac=00562b043615"),
            ("", "mac=00562b043615"),
            ("", ""),
        ] {
            assert!(fields(content_type, body).is_none(), "{content_type} {body}");
        }
    }
}
