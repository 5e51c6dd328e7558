//! A user has typed an activation code: `POST /activate`.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use contracts::onboarding::RedeemRequest;
use rpc::{Failure, within};
use serde::Deserialize;
use vocabulary::{ErrorKind, MacAddress};

use super::answer;
use super::ask::answer_question;
use super::identity::Identity;
use super::observed::Contact;
use super::report::content_type;
use crate::Gateway;
use crate::backends::PHONE_DEADLINE;

/// What a phone sends, as JSON or as a form. Further fields are ignored.
#[derive(Deserialize)]
struct Activation {
    code: String,
    mac: String,
}

/// Trades the code for the flat profile of the provider it stands for, as if the phone had asked.
///
/// Where the code is refused the answer is 403 and the sentence the phone shows (wire-facts 3.1).
pub(crate) async fn activate(State(gateway): State<Gateway>, parts: Parts, body: Bytes) -> Response {
    let Some(activation) = understand(content_type(&parts), &body) else {
        return answer::text(StatusCode::BAD_REQUEST, "expected code and mac, as JSON or as a form");
    };
    let Ok(mac) = activation.mac.parse::<MacAddress>() else {
        return answer::no_address();
    };
    match redeem(&gateway, activation.code, mac).await {
        Ok(()) => answer_question(&gateway, &Contact::new(&gateway, &parts, mac, Identity::default())).await,
        Err(failure) if failure.kind.is_our_fault() => answer::ask_again(),
        Err(failure) if failure.kind == ErrorKind::Malformed => answer::text(StatusCode::BAD_REQUEST, &failure.message),
        Err(failure) => answer::text(StatusCode::FORBIDDEN, &failure.message),
    }
}

fn understand(content_type: &str, body: &[u8]) -> Option<Activation> {
    if content_type.starts_with("application/json") {
        return serde_json::from_slice(body).ok();
    }
    let field =
        |name: &str| form_urlencoded::parse(body).find(|(field, _)| field == name).map(|(_, value)| value.into_owned());
    Some(Activation { code: field("code")?, mac: field("mac")? })
}

async fn redeem(gateway: &Gateway, code: String, mac: MacAddress) -> Result<(), Failure> {
    let request = within(PHONE_DEADLINE, RedeemRequest { code, mac: mac.to_u64() });
    gateway.backends().onboarding.clone().redeem(request).await?;
    Ok(())
}
