//! What a provider writes of its activation codes, and what is checked of it here: times, addresses and
//! ids. The service checks the rest.

use contracts::onboarding::{CreateDirectoryCodeRequest, CreatePersonalCodesRequest, Limits};
use serde::Deserialize;
use vocabulary::{DeviceModel, MacAddress, ProfileId, ProviderId, Timestamp};

use super::devices::member;
use crate::problem::Problem;

/// `POST /v1/codes`.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum NewCodes {
    Directory(DirectoryBody),
    Personal(PersonalBody),
}

/// A directory code to be reserved.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DirectoryBody {
    digits: String,
    /// A profile's id.
    profile: String,
    #[serde(default)]
    limits: LimitsBody,
    note: Option<String>,
}

/// Personal codes to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonalBody {
    /// A profile's id.
    profile: String,
    /// 1 to 10000.
    #[serde(default = "one")]
    count: u32,
    /// Seconds, up to 30 days; 7 days where nothing is said.
    lifetime_seconds: Option<u64>,
    mac: Option<String>,
    model: Option<String>,
    note: Option<String>,
}

const fn one() -> u32 {
    1
}

/// What a directory code is limited to; a member left out limits nothing.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitsBody {
    from: Option<String>,
    until: Option<String>,
    activations: Option<u64>,
    models: Vec<String>,
    networks: Vec<String>,
    registered_only: bool,
    macs: Vec<String>,
}

/// `PATCH /v1/codes/{code}`; what is left out stays as it is. `limits` are replaced as a whole.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeBody {
    pub limits: Option<LimitsBody>,
    pub profile: Option<String>,
    pub expires_at: Option<String>,
}

/// `PUT /v1/codes/{code}/decision`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionBody {
    pub approve: bool,
    #[serde(default)]
    pub reason: String,
}

impl DirectoryBody {
    /// Everything but whether the profile carries a secret.
    pub fn check(self, provider: &ProviderId) -> Result<CreateDirectoryCodeRequest, Problem> {
        Ok(CreateDirectoryCodeRequest {
            provider_id: provider.to_string(),
            digits: self.digits,
            profile_id: profile_id(&self.profile)?,
            limits: Some(self.limits.check()?),
            note: self.note.unwrap_or_default(),
            profile_carries_secret: false,
        })
    }
}

impl PersonalBody {
    pub fn check(self, provider: &ProviderId) -> Result<CreatePersonalCodesRequest, Problem> {
        if self.lifetime_seconds == Some(0) {
            return Err(Problem::malformed("invalid_body", "lifetime_seconds: expected 1 to 2592000 (30 days)"));
        }
        let mac = member::<MacAddress>("mac", self.mac.as_deref())?;
        let model = member::<DeviceModel>("model", self.model.as_deref())?;
        Ok(CreatePersonalCodesRequest {
            provider_id: provider.to_string(),
            profile_id: profile_id(&self.profile)?,
            count: self.count,
            lifetime_seconds: self.lifetime_seconds.unwrap_or_default(),
            mac: mac.map(MacAddress::to_u64).unwrap_or_default(),
            model: model.map(|model| model.to_string()).unwrap_or_default(),
            note: self.note.unwrap_or_default(),
        })
    }
}

impl LimitsBody {
    pub fn check(self) -> Result<Limits, Problem> {
        if self.activations == Some(0) {
            let sentence = "limits.activations: expected 1 or more; leave it out for any number, or revoke the code";
            return Err(Problem::malformed("invalid_body", sentence));
        }
        let mac = |text: &String| Ok(member::<MacAddress>("limits.macs", Some(text))?.map(MacAddress::to_u64));
        let macs: Vec<Option<u64>> = self.macs.iter().map(mac).collect::<Result<_, Problem>>()?;
        Ok(Limits {
            from: time("limits.from", self.from.as_deref())?,
            until: time("limits.until", self.until.as_deref())?,
            activations: self.activations.unwrap_or_default(),
            models: self.models,
            networks: self.networks,
            registered_only: self.registered_only,
            macs: macs.into_iter().flatten().collect(),
        })
    }
}

/// Microseconds since the epoch; 0 where nothing is given.
pub(super) fn time(name: &str, text: Option<&str>) -> Result<i64, Problem> {
    Ok(member::<Timestamp>(name, text)?.map(Timestamp::as_micros).unwrap_or_default())
}

/// A text of the body as a `T`; the empty text is none.
pub(super) fn required<T: std::str::FromStr<Err: std::fmt::Display>>(name: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error| Problem::malformed("invalid_body", format!("{name}: {error}")))
}

/// The id, once it looks like one.
pub(super) fn profile_id(text: &str) -> Result<String, Problem> {
    let id = member::<ProfileId>("profile", Some(text))?;
    id.map(|id| id.to_string()).ok_or_else(|| Problem::malformed("invalid_body", "profile: expected a profile's id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "prf_0123456789abcdefghjk";

    fn provider() -> ProviderId {
        "prv_0123456789abcdefghjk".parse().expect("an id")
    }

    fn directory(json: &str) -> Result<CreateDirectoryCodeRequest, String> {
        match serde_json::from_str(json).map_err(|error| error.to_string())? {
            NewCodes::Directory(body) => body.check(&provider()).map_err(|problem| problem.detail),
            NewCodes::Personal(_) => Err("personal".to_owned()),
        }
    }

    fn personal(json: &str) -> Result<CreatePersonalCodesRequest, String> {
        match serde_json::from_str(json).map_err(|error| error.to_string())? {
            NewCodes::Personal(body) => body.check(&provider()).map_err(|problem| problem.detail),
            NewCodes::Directory(_) => Err("directory".to_owned()),
        }
    }

    #[test]
    fn a_directory_code_has_limits_or_none() {
        let bare = directory(&format!(r#"{{"kind":"directory","digits":"123456","profile":"{PROFILE}"}}"#));
        let bare = bare.expect("a request");
        assert_eq!((bare.digits.as_str(), bare.limits), ("123456", Some(Limits::default())));
        let limited = directory(&format!(
            r#"{{"kind":"directory","digits":"123456","profile":"{PROFILE}","note":"n","limits":{{
               "from":"2026-11-22T18:00:00Z","until":null,"activations":5,"models":["CP-7832-3PCC"],
               "networks":["192.0.2.0/24"],"registered_only":true,"macs":["00:56:2b:04:36:15"]}}}}"#
        ));
        let limits = limited.expect("a request").limits.expect("limits");
        assert_eq!((limits.from, limits.until, limits.activations), (1_795_370_400_000_000, 0, 5));
        assert_eq!((limits.registered_only, limits.macs), (true, vec![0x0056_2b04_3615]));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let with = |limits: &str| {
            directory(&format!(r#"{{"kind":"directory","digits":"1","profile":"{PROFILE}","limits":{limits}}}"#))
        };
        assert!(with(r#"{"macs":["x"]}"#).expect_err("no MAC").starts_with("limits.macs: "));
        assert!(with(r#"{"until":"tomorrow"}"#).expect_err("no time").starts_with("limits.until: "));
        assert!(with(r#"{"activations":0}"#).expect_err("none").starts_with("limits.activations: "));
        assert!(with(r#"{"model":["x"]}"#).is_err());
        assert!(directory(r#"{"kind":"directory","digits":"1","profile":"main"}"#).is_err());
        assert!(directory(r#"{"kind":"other"}"#).is_err());
        assert!(personal(&format!(r#"{{"kind":"personal","profile":"{PROFILE}","digits":"1"}}"#)).is_err());
        assert!(personal(&format!(r#"{{"kind":"personal","profile":"{PROFILE}","lifetime_seconds":0}}"#)).is_err());
    }

    #[test]
    fn one_personal_code_is_made_unless_told_otherwise() {
        let request = personal(&format!(r#"{{"kind":"personal","profile":"{PROFILE}"}}"#)).expect("a request");
        assert_eq!((request.count, request.lifetime_seconds, request.mac), (1, 0, 0));
        let json =
            format!(r#"{{"kind":"personal","profile":"{PROFILE}","count":9,"mac":"00562b043615","model":"X-1"}}"#);
        let request = personal(&json).expect("a request");
        assert_eq!((request.count, request.mac, request.model.as_str()), (9, 0x0056_2b04_3615, "X-1"));
    }
}
