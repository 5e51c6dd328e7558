//! Activation codes, and how likely they are to be guessed, as their provider sees them.

use contracts::onboarding::{Code, CodeState, Kind, Limits, NewPersonalCode, Risk};
use serde::Serialize;

use super::devices::shown;
use super::json::{given, moment};

/// The JSON of a code. What the other kind has is `null`.
#[derive(Serialize)]
pub(super) struct CodeView {
    pub id: String,
    kind: Option<&'static str>,
    state: Option<&'static str>,
    provider: String,
    /// The profile's id.
    profile: String,
    /// Of a directory code only: a personal one is shown once, when it is made.
    digits: Option<String>,
    limits: Option<LimitsView>,
    mac: Option<String>,
    model: Option<String>,
    note: Option<String>,
    created_at: Option<String>,
    expires_at: Option<String>,
    /// Redemptions by different phones.
    activations: u64,
    redeemed_by: Option<String>,
    redeemed_at: Option<String>,
    /// Why an operator refused it.
    refusal: Option<String>,
    /// Wrong guesses against its limits in the last 24 hours, and whether they look like a search. Left
    /// out of lists, as the expected phones are: they are counted when a code is read by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    misses: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    looks_searched: Option<bool>,
}

/// The JSON of a directory code's limits, as they can be sent back.
#[derive(Serialize)]
struct LimitsView {
    from: Option<String>,
    until: Option<String>,
    activations: Option<u64>,
    models: Vec<String>,
    networks: Vec<String>,
    registered_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    macs: Option<Vec<String>>,
}

impl From<Limits> for LimitsView {
    fn from(limits: Limits) -> Self {
        Self {
            from: moment(limits.from),
            until: moment(limits.until),
            activations: (limits.activations != 0).then_some(limits.activations),
            models: limits.models,
            networks: limits.networks,
            registered_only: limits.registered_only,
            macs: Some(limits.macs.into_iter().map(shown).collect()),
        }
    }
}

impl From<Code> for CodeView {
    fn from(code: Code) -> Self {
        let (kind, state) = (kind_name(code.kind()), state_name(code.state()));
        let limits = (code.kind() == Kind::Directory).then(|| code.limits.unwrap_or_default().into());
        Self {
            id: code.id,
            kind,
            state,
            provider: code.provider_id,
            profile: code.profile_id,
            digits: given(code.digits),
            limits,
            mac: phone(code.mac),
            model: given(code.model),
            note: given(code.note),
            created_at: moment(code.created_at),
            expires_at: moment(code.expires_at),
            activations: code.activations,
            redeemed_by: phone(code.redeemed_by),
            redeemed_at: moment(code.redeemed_at),
            refusal: given(code.refusal),
            misses: Some(code.misses),
            looks_searched: Some(code.looks_searched),
        }
    }
}

impl CodeView {
    /// The code as one of a list.
    pub fn listed(code: Code) -> Self {
        let view = Self::from(code);
        let limits = view.limits.map(|limits| LimitsView { macs: None, ..limits });
        Self { limits, misses: None, looks_searched: None, ..view }
    }
}

/// `None` for 0, which stands for no phone.
pub(super) fn phone(mac: u64) -> Option<String> {
    (mac != 0).then(|| shown(mac))
}

/// A code that was just made. Has no `Debug`: its digits are secret.
#[derive(Serialize)]
pub(super) struct NewCodeView {
    #[serde(flatten)]
    code: CodeView,
    /// Grouped 4-4-4-4, as people read it.
    code_to_type: String,
}

impl From<NewPersonalCode> for NewCodeView {
    fn from(new: NewPersonalCode) -> Self {
        let digits = Some(new.digits.clone());
        let code = CodeView { digits, ..CodeView::from(new.code.unwrap_or_default()) };
        Self { code, code_to_type: grouped(&new.digits) }
    }
}

/// `5414011256173816` as `5414-0112-5617-3816`.
pub(super) fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

/// The JSON of a risk.
#[derive(Serialize)]
pub(super) struct RiskView {
    length: u32,
    live_codes: f64,
    guesses_per_day: f64,
    /// `null` where there is nothing to be hit.
    expected_days: Option<f64>,
    ceiling_days: f64,
}

impl From<Risk> for RiskView {
    fn from(risk: Risk) -> Self {
        Self {
            length: risk.length,
            live_codes: risk.live_codes,
            guesses_per_day: risk.guesses_per_day,
            expected_days: Some(risk.expected_days).filter(|days| days.is_finite()),
            ceiling_days: risk.ceiling_days,
        }
    }
}

pub(super) const fn kind_name(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Unspecified => None,
        Kind::Directory => Some("directory"),
        Kind::Personal => Some("personal"),
    }
}

pub(super) const fn state_name(state: CodeState) -> Option<&'static str> {
    match state {
        CodeState::Unspecified => None,
        CodeState::Queued => Some("queued"),
        CodeState::Open => Some("open"),
        CodeState::Refused => Some("refused"),
        CodeState::Redeemed => Some("redeemed"),
        CodeState::Expired => Some("expired"),
        CodeState::Revoked => Some("revoked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(code: Code) -> serde_json::Value {
        serde_json::to_value(CodeView::from(code)).expect("JSON")
    }

    #[test]
    fn each_kind_shows_its_own() {
        let directory = json(Code { kind: Kind::Directory.into(), digits: "123456".to_owned(), ..Code::default() });
        assert_eq!((&directory["digits"], &directory["expires_at"]), (&"123456".into(), &serde_json::Value::Null));
        assert_eq!(directory["limits"]["macs"], serde_json::json!([]));
        assert!(directory["limits"]["activations"].is_null());
        let state = CodeState::Redeemed.into();
        let personal =
            json(Code { kind: Kind::Personal.into(), state, redeemed_by: 0x0004_f2aa_bbcc, ..Code::default() });
        assert_eq!((&personal["state"], &personal["redeemed_by"]), (&"redeemed".into(), &"0004f2aabbcc".into()));
        assert!(personal["digits"].is_null() && personal["limits"].is_null() && personal["mac"].is_null());
    }

    #[test]
    fn a_new_code_is_grouped() {
        assert_eq!(grouped("5414011256173816"), "5414-0112-5617-3816");
        assert_eq!(grouped("123"), "123");
        let new = NewPersonalCode { code: Some(Code::default()), digits: "5414011256173816".to_owned() };
        let json = serde_json::to_value(NewCodeView::from(new)).expect("JSON");
        assert_eq!(
            (&json["digits"], &json["code_to_type"]),
            (&"5414011256173816".into(), &"5414-0112-5617-3816".into())
        );
    }

    #[test]
    fn nothing_to_hit_is_null() {
        let risk = Risk { length: 6, expected_days: f64::INFINITY, ..Risk::default() };
        assert!(serde_json::to_value(RiskView::from(risk)).expect("JSON")["expected_days"].is_null());
    }
}
