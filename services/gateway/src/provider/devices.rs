//! `/v1/devices`: which phones are the provider's, and where each is sent.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use contracts::customization::observation::Event;
use contracts::customization::{Associated, Dissociated, Observation, State as Customization};
use contracts::redirection::{DeleteDeviceRequest, Device, ListDevicesRequest, ListDevicesResponse, PutDeviceRequest};
use rpc::{within, within_as};
use serde::{Deserialize, Serialize};
use vocabulary::{DeviceModel, MacAddress, ProfileId, SerialNumber};

use super::device_key::SealWord;
use super::json::{Body, given, moment};
use super::owned::{OwnedPhone, Said, stated};
use super::page::{Limit, Query, parsed};
use super::promised;
use super::scan::{Next, READ_AT_ONCE, Scan};
use super::state_name::{States, WantedState, state_name};
use crate::Gateway;
use crate::auth::{DevicesRead, DevicesWrite, Provider};
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// What a provider writes of a phone; a member left out is not known.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeviceBody {
    /// A profile's id or its name.
    profile: String,
    serial: Option<String>,
    model: Option<String>,
    note: Option<String>,
}

impl DeviceBody {
    fn check(self, phone: &OwnedPhone<DevicesWrite>) -> Result<PutDeviceRequest, Problem> {
        let serial = member::<SerialNumber>("serial", self.serial.as_deref())?;
        let model = member::<DeviceModel>("model", self.model.as_deref())?;
        Ok(PutDeviceRequest {
            provider_id: phone.owner.to_string(),
            mac: phone.mac.to_u64(),
            profile: self.profile,
            serial: serial.map(|serial| serial.to_string()).unwrap_or_default(),
            model: model.map(|model| model.to_string()).unwrap_or_default(),
            note: self.note.unwrap_or_default(),
            ancestors: phone.caller.ancestors.clone(),
        })
    }
}

/// A text of the body as a `T`; the empty text is as if it were left out.
pub(super) fn member<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &str,
    text: Option<&str>,
) -> Result<Option<T>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|error| Problem::malformed("invalid_body", format!("{name}: {error}")))
}

/// A phone as its provider sees it.
#[derive(Debug, Serialize)]
pub(super) struct DeviceView {
    mac: String,
    /// The profile's id.
    profile: String,
    serial: Option<String>,
    model: Option<String>,
    note: Option<String>,
    /// `null` while that cannot be learned.
    state: Option<&'static str>,
    /// How its answers are sealed; `null` where it has no key.
    seal: Option<SealWord>,
    /// Whether the operator holds it where it is.
    on_hold: bool,
    /// The block it is in, where it is not registered itself.
    range: Option<String>,
    created_at: Option<String>,
    changed_at: Option<String>,
}

impl DeviceView {
    fn new(device: Device, states: Option<&States>) -> Self {
        Self {
            state: states.and_then(|states| state_name(states.get(device.mac))),
            seal: SealWord::of(device.seal()),
            on_hold: device.on_hold,
            range: given(device.range_id),
            mac: shown(device.mac),
            profile: device.profile_id,
            serial: given(device.serial),
            model: given(device.model),
            note: given(device.note),
            created_at: moment(device.created_at),
            changed_at: moment(device.changed_at),
        }
    }
}

/// A MAC as everything here writes it.
pub(super) fn shown(mac: u64) -> String {
    MacAddress::from_u64(mac).map(|mac| mac.to_string()).unwrap_or_default()
}

/// A page of phones.
#[derive(Serialize)]
struct Devices {
    devices: Vec<DeviceView>,
    /// The `after` of the page that follows; `null` at the end, and only there.
    next: Option<String>,
}

/// The filters of a list, all of which must hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filters {
    #[serde(default)]
    state: String,
    /// A profile's id.
    #[serde(default)]
    profile: String,
    #[serde(default)]
    model: String,
    /// Looked for in serial, model, note and MAC.
    #[serde(default)]
    text: String,
    /// A MAC, in any spelling.
    #[serde(default)]
    after: String,
    #[serde(default)]
    limit: Limit,
}

/// `PUT /v1/devices/{mac}`: makes the phone the provider's, or changes what is recorded of it.
pub(crate) async fn put(
    State(gateway): State<Gateway>,
    phone: OwnedPhone<DevicesWrite>,
    Body(body): Body<DeviceBody>,
) -> Result<Response, Problem> {
    let request = body.check(&phone)?;
    let request = within_as(&phone.caller.actor, PROVIDER_DEADLINE, request);
    let answer = gateway.backends().redirection.clone().put_device(request).await?.into_inner();
    let device = promised(answer.device)?;
    if answer.created || answer.moved {
        let associated = Event::Associated(Associated { profile_id: device.profile_id.clone() });
        // The association holds whether or not it is recorded; a loss is counted by the journal.
        gateway.journal().record(vec![phone.stated(&gateway, associated)]).await;
    }
    let status = if answer.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(one(&gateway, device).await)).into_response())
}

/// `GET /v1/devices/{mac}`.
pub(crate) async fn read(State(gateway): State<Gateway>, phone: OwnedPhone<DevicesRead>) -> Result<Response, Problem> {
    let device = phone.device(&gateway).await?;
    Ok(Json(one(&gateway, device).await).into_response())
}

/// `DELETE /v1/devices/{mac}`: gives the phone up. It may go to somebody who has asked for it; only their
/// timeline says so.
pub(crate) async fn delete(
    State(gateway): State<Gateway>,
    phone: OwnedPhone<DevicesWrite>,
) -> Result<StatusCode, Problem> {
    let request = DeleteDeviceRequest { provider_id: phone.owner.to_string(), mac: phone.mac.to_u64() };
    let request = within_as(&phone.caller.actor, PROVIDER_DEADLINE, request);
    let now = gateway.backends().redirection.clone().delete_device(request).await?.into_inner();
    let mut events = vec![phone.stated(&gateway, Event::Dissociated(Dissociated {}))];
    if !now.provider_id.is_empty() {
        let event = Event::Associated(Associated { profile_id: now.profile_id });
        let said = Said { mac: phone.mac.to_u64(), provider_id: now.provider_id, event };
        // Who gave it up is not the new owner's business.
        events.push(Observation { subject: String::new(), ..stated(&gateway, &phone.caller, said) });
    }
    // As above.
    gateway.journal().record(events).await;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/devices?state=&profile=&model=&text=&after=&limit=`. A page may be shorter than its limit
/// although others follow; only `next: null` is the end.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    provider: Provider<DevicesRead>,
    Query(filters): Query<Filters>,
) -> Result<Response, Problem> {
    let wanted = parsed::<WantedState>("state", &filters.state)?;
    let after = parsed::<MacAddress>("after", &filters.after)?;
    let profile = parsed::<ProfileId>("profile", &filters.profile)?;
    let request = ListDevicesRequest {
        provider_id: provider.id.to_string(),
        after: after.map(MacAddress::to_u64).unwrap_or_default(),
        limit: filters.limit.0,
        profile_id: profile.map(|id| id.to_string()).unwrap_or_default(),
        model: filters.model,
        text: filters.text,
    };
    let devices = match wanted {
        None => list_any(&gateway, request).await?,
        Some(WantedState(wanted)) => list_in_state(&gateway, request, wanted).await?,
    };
    Ok(Json(devices).into_response())
}

async fn list_any(gateway: &Gateway, request: ListDevicesRequest) -> Result<Devices, Problem> {
    let page = page(gateway, request).await?;
    let next = page.devices.last().filter(|_| page.more).map(|device| shown(device.mac));
    let states = states_if_known(gateway, &page.devices).await;
    let view = |device| DeviceView::new(device, states.as_ref());
    Ok(Devices { devices: page.devices.into_iter().map(view).collect(), next })
}

async fn list_in_state(
    gateway: &Gateway,
    mut request: ListDevicesRequest,
    wanted: Customization,
) -> Result<Devices, Problem> {
    let mut scan = Scan::new(wanted, usize::try_from(request.limit).unwrap_or(usize::MAX));
    request.limit = READ_AT_ONCE;
    let next = loop {
        let page = page(gateway, request.clone()).await?;
        // Without the states the filter cannot be kept, so that here a failure is told.
        let states = States::of(gateway, macs(&page.devices)).await?;
        match scan.take(page.devices, &states, page.more) {
            Next::Read { after } => request.after = after,
            Next::Answer { after } => break after.map(shown),
        }
    };
    let states = States::of(gateway, macs(&scan.found)).await?;
    let view = |device| DeviceView::new(device, Some(&states));
    Ok(Devices { devices: scan.found.into_iter().map(view).collect(), next })
}

async fn page(gateway: &Gateway, request: ListDevicesRequest) -> Result<ListDevicesResponse, Problem> {
    let answer = gateway.backends().redirection.clone().list_devices(within(PROVIDER_DEADLINE, request)).await?;
    Ok(answer.into_inner())
}

pub(super) async fn one(gateway: &Gateway, device: Device) -> DeviceView {
    let states = states_if_known(gateway, std::slice::from_ref(&device)).await;
    DeviceView::new(device, states.as_ref())
}

/// The states, or nothing while they cannot be learned: what is recorded of a phone can be shown all
/// the same.
async fn states_if_known(gateway: &Gateway, devices: &[Device]) -> Option<States> {
    match States::of(gateway, macs(devices)).await {
        Ok(states) => Some(states),
        Err(failure) => {
            tracing::warn!(error.kind = failure.kind.name(), "phones are shown without their states");
            None
        }
    }
}

fn macs(devices: &[Device]) -> Vec<u64> {
    devices.iter().map(|device| device.mac).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> Device {
        Device {
            mac: 0x0004_f2aa_bbcc,
            provider_id: "prv_1".to_owned(),
            profile_id: "prf_1".to_owned(),
            serial: "FCH2034D0PL".to_owned(),
            created_at: 1_795_370_400_000_000,
            changed_at: 1_795_370_401_000_000,
            ..Device::default()
        }
    }

    fn json(view: &DeviceView) -> String {
        serde_json::to_string(view).expect("JSON")
    }

    #[test]
    fn a_phone_is_shown_without_its_providers_id_and_with_null_for_what_is_unknown() {
        let states = States::known([(0x0004_f2aa_bbcc, Customization::CustomPending)]);
        assert_eq!(
            json(&DeviceView::new(device(), Some(&states))),
            concat!(
                r#"{"mac":"0004f2aabbcc","profile":"prf_1","serial":"FCH2034D0PL","model":null,"note":null,"#,
                r#""state":"Custom Pending","seal":null,"on_hold":false,"range":null,"#,
                r#""created_at":"2026-11-22T18:00:00.000000Z","changed_at":"2026-11-22T18:00:01.000000Z"}"#,
            )
        );
        assert!(json(&DeviceView::new(device(), None)).contains(r#""state":null"#));
        assert!(json(&DeviceView::new(device(), Some(&States::known([])))).contains(r#""state":"Open""#));
    }

    #[test]
    fn texts_of_a_phone_are_trimmed_or_refused_by_name() {
        assert_eq!(member::<SerialNumber>("serial", None), Ok(None));
        assert_eq!(member::<SerialNumber>("serial", Some("")), Ok(None));
        assert!(
            member::<SerialNumber>("serial", Some(" X ")).is_ok_and(|serial| serial.is_some_and(|s| s.as_str() == "X"))
        );
        let problem = member::<SerialNumber>("serial", Some("é")).expect_err("not ASCII");
        assert_eq!(problem.detail, "serial: expected 1 to 64 visible ASCII characters");
    }

    #[test]
    fn a_body_names_its_profile_and_nothing_unknown() {
        assert!(serde_json::from_str::<DeviceBody>(r#"{"profile":"Main","serial":null}"#).is_ok());
        for bad in ["{}", r#"{"profile":null}"#, r#"{"profile":"Main","mac":"0004f2aabbcc"}"#] {
            assert!(serde_json::from_str::<DeviceBody>(bad).is_err(), "{bad}");
        }
    }
}
