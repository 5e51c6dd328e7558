//! `POST /v1/devices/move`: hands phones to another tenant, all or none; `PUT /v1/holds`: keeps them where
//! they are.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contracts::customization::observation::Event;
use contracts::customization::{Associated, Dissociated, Observation};
use contracts::redirection::{MoveDevicesRequest, SetHoldRequest};
use rpc::within_as;
use serde::Deserialize;
use serde_json::json;
use vocabulary::{MacAddress, Scope};

use super::code_body::required;
use super::json::Body;
use super::owned::{Said, stated};
use crate::Gateway;
use crate::auth::{Allowed, Caller, DevicesWrite, Operate, Provider};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// How many phones are told of together. A batch of the journal is a transaction.
const TOLD_AT_ONCE: usize = 256;

/// Which phones are to be handed over, and where they go then.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoveBody {
    to_tenant: String,
    /// A profile of theirs, by its id or its name.
    to_profile: String,
    #[serde(default)]
    macs: Vec<String>,
    /// All phones of this profile; in place of `macs`.
    from_profile: Option<String>,
}

impl MoveBody {
    fn check(self, from: String) -> Result<MoveDevicesRequest, Problem> {
        let macs = addresses(&self.macs)?;
        let from_profile = self.from_profile.unwrap_or_default();
        if macs.is_empty() == from_profile.is_empty() {
            return Err(Problem::malformed("invalid_body", "expected either macs or from_profile"));
        }
        let (to_provider_id, to_profile) = (self.to_tenant, self.to_profile);
        Ok(MoveDevicesRequest { provider_id: from, to_provider_id, to_profile, macs, from_profile })
    }
}

/// Phones that are held, or not any more.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldBody {
    macs: Vec<String>,
    on_hold: bool,
}

fn addresses(texts: &[String]) -> Result<Vec<u64>, Problem> {
    let address = |(number, text): (usize, &String)| {
        required::<MacAddress>(&format!("macs[{number}]"), text).map(MacAddress::to_u64)
    };
    texts.iter().enumerate().map(address).collect()
}

/// `POST /v1/devices/move`: whoever asks must be allowed to act for both.
pub(crate) async fn hand_over(
    State(gateway): State<Gateway>,
    Provider { id, caller, .. }: Provider<DevicesWrite>,
    Body(body): Body<MoveBody>,
) -> Result<Response, Problem> {
    caller.at(&gateway, &body.to_tenant).await?.demand(Scope::DevicesWrite)?;
    let request = body.check(id.to_string())?;
    let handover = Handover { from: request.provider_id.clone(), to: request.to_provider_id.clone() };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().redirection.clone().move_devices(request).await?.into_inner();
    for macs in answer.macs.chunks(TOLD_AT_ONCE) {
        let told = macs.iter().flat_map(|mac| handover.told(&gateway, &caller, *mac, &answer.profile_id)).collect();
        // The move holds whether or not it is recorded; a loss is counted by the journal.
        gateway.journal().record(told).await;
    }
    Ok(Json(json!({ "moved": answer.moved })).into_response())
}

/// Who hands phones to whom.
struct Handover {
    from: String,
    to: String,
}

impl Handover {
    fn told(&self, gateway: &Gateway, caller: &Caller, mac: u64, profile_id: &str) -> [Observation; 2] {
        let gone = Event::Dissociated(Dissociated {});
        let come = Event::Associated(Associated { profile_id: profile_id.to_owned() });
        [(&self.from, gone), (&self.to, come)]
            .map(|(tenant, event)| stated(gateway, caller, Said { mac, provider_id: tenant.clone(), event }))
    }
}

/// `PUT /v1/holds`.
pub(crate) async fn hold(
    State(gateway): State<Gateway>,
    Allowed { caller, .. }: Allowed<Operate>,
    Body(body): Body<HoldBody>,
) -> Result<Response, Problem> {
    let request = SetHoldRequest { macs: addresses(&body.macs)?, on_hold: body.on_hold };
    let request = within_as(&caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().redirection.clone().set_hold(request).await?.into_inner();
    Ok(Json(json!({ "changed": answer.changed })).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<MoveDevicesRequest, String> {
        let body: MoveBody = serde_json::from_str(json).map_err(|error| error.to_string())?;
        body.check("prv_1".to_owned()).map_err(|problem| problem.detail)
    }

    #[test]
    fn phones_are_named_in_one_of_two_ways() {
        let one = check(r#"{"to_tenant":"prv_2","to_profile":"main","macs":["00:04:f2:aa:bb:cc"]}"#).expect("a move");
        assert_eq!((one.provider_id.as_str(), one.macs), ("prv_1", vec![0x0004_f2aa_bbcc]));
        let all = check(r#"{"to_tenant":"prv_2","to_profile":"main","from_profile":"old"}"#).expect("a move");
        assert_eq!((all.from_profile.as_str(), all.macs), ("old", vec![]));
        for (json, wanted) in [
            (r#"{"to_tenant":"prv_2","to_profile":"main"}"#, "expected either"),
            (
                r#"{"to_tenant":"prv_2","to_profile":"main","macs":["0004f2aabbcc"],"from_profile":"old"}"#,
                "expected either",
            ),
            (r#"{"to_tenant":"prv_2","to_profile":"main","macs":["0004f2aabbcc","x"]}"#, "macs[1]: not a MAC address"),
        ] {
            let sentence = check(json).expect_err(json);
            assert!(sentence.starts_with(wanted), "{sentence}");
        }
    }
}
