//! Messages in checked words, and what is kept as messages. Messages print their values with `Debug`: they are
//! never logged.

use std::time::Duration;

use contracts::onboarding as wire;
use vocabulary::{CodeKind, DeviceModel, MacAddress, ProviderId, Timestamp};

use crate::grant::State;
use crate::issue::LONGEST;
use crate::limits::{InvalidLimits, Limits, Phones};
use crate::record::Record;
use crate::refusal::CodeRefused;
use crate::risk::{LENGTHS, Risk};
use crate::store::Kept;

/// How long a personal code lives unless told otherwise.
const USUAL: Duration = Duration::from_hours(7 * 24);
/// The most characters of a note, and of an operator's reason.
const LONGEST_TEXT: usize = 200;

/// Whose codes a request is about.
pub(crate) fn provider(id: &str) -> Result<ProviderId, CodeRefused> {
    id.parse().map_err(CodeRefused::Provider)
}

/// The digits of a directory code: `#`, spaces and dashes are no part of them.
pub(crate) fn digits(text: &str) -> Result<String, CodeRefused> {
    let pound = if text.trim_start().starts_with('#') { "" } else { "#" };
    let code: vocabulary::ActivationCode =
        format!("{pound}{}", text.trim()).parse().map_err(|_| CodeRefused::Digits)?;
    Ok(code.expose_digits().to_owned())
}

pub(crate) fn note(text: String) -> Result<String, CodeRefused> {
    let fits = text.chars().count() <= LONGEST_TEXT && !text.chars().any(char::is_control);
    if fits { Ok(text) } else { Err(CodeRefused::Note) }
}

pub(crate) fn reason(text: &str) -> Result<String, CodeRefused> {
    let text = text.trim();
    // PostgreSQL keeps no NUL.
    let fits = (1..=LONGEST_TEXT).contains(&text.chars().count()) && !text.contains('\0');
    if fits { Ok(text.to_owned()) } else { Err(CodeRefused::Reason) }
}

pub(crate) fn lifetime(seconds: u64) -> Result<Duration, CodeRefused> {
    match Duration::from_secs(seconds) {
        Duration::ZERO => Ok(USUAL),
        lifetime if lifetime <= LONGEST => Ok(lifetime),
        _ => Err(CodeRefused::Lifetime),
    }
}

/// 0 for any.
pub(crate) fn mac(bits: u64) -> Result<Option<MacAddress>, CodeRefused> {
    if bits == 0 { Ok(None) } else { Ok(Some(MacAddress::from_u64(bits)?)) }
}

/// Empty for any.
pub(crate) fn model(text: &str) -> Result<Option<DeviceModel>, CodeRefused> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(CodeRefused::Model) }
}

pub(crate) fn length(length: u32) -> Result<usize, CodeRefused> {
    let fits = LENGTHS.contains(&length).then_some(length).and_then(|length| usize::try_from(length).ok());
    fits.ok_or(CodeRefused::Length)
}

pub(crate) fn limits(limits: Option<wire::Limits>) -> Result<Limits, CodeRefused> {
    let limits = limits.unwrap_or_default();
    let time = |micros: i64| (micros != 0).then(|| Timestamp::from_micros(micros));
    let model = |text: &String| text.parse().map_err(|_| InvalidLimits::Models);
    let mac = |bits: &u64| MacAddress::from_u64(*bits).map_err(|_| InvalidLimits::Macs);
    let limits = Limits {
        starts_at: time(limits.from),
        ends_at: time(limits.until),
        activations: (limits.activations > 0).then_some(limits.activations),
        models: limits.models.iter().map(model).collect::<Result<_, _>>()?,
        networks: limits.networks.iter().map(|text| text.parse()).collect::<Result<_, _>>()?,
        phones: if limits.registered_only { Phones::Registered } else { Phones::Any },
        macs: limits.macs.iter().map(mac).collect::<Result<_, _>>()?,
        expected: 0,
    };
    Ok(limits.check()?)
}

impl From<Limits> for wire::Limits {
    fn from(limits: Limits) -> Self {
        Self {
            from: limits.starts_at.map_or(0, Timestamp::as_micros),
            until: limits.ends_at.map_or(0, Timestamp::as_micros),
            activations: limits.activations.unwrap_or(0),
            models: limits.models.iter().map(ToString::to_string).collect(),
            networks: limits.networks.iter().map(ToString::to_string).collect(),
            registered_only: limits.phones == Phones::Registered,
            macs: limits.macs.iter().map(|mac| mac.to_u64()).collect(),
        }
    }
}

fn state(record: &Record, now: Timestamp) -> wire::CodeState {
    match record.state {
        State::Queued => wire::CodeState::Queued,
        State::Open if record.is_expired(now) => wire::CodeState::Expired,
        State::Open => wire::CodeState::Open,
        State::Refused { .. } => wire::CodeState::Refused,
        State::Redeemed { .. } => wire::CodeState::Redeemed,
        State::Revoked => wire::CodeState::Revoked,
    }
}

/// A code as it is told at `now`.
pub(crate) fn code(record: Record, now: Timestamp) -> wire::Code {
    let state = state(&record, now);
    let (redeemed_by, redeemed_at) = match &record.state {
        State::Redeemed { by, at } => (by.to_u64(), at.as_micros()),
        State::Queued | State::Open | State::Refused { .. } | State::Revoked => (0, 0),
    };
    let mut told = wire::Code {
        id: record.id.to_string(),
        state: state.into(),
        provider_id: record.provider.to_string(),
        profile_id: record.profile.to_string(),
        created_at: record.created_at.as_micros(),
        activations: record.activations,
        redeemed_by,
        redeemed_at,
        note: record.note,
        refusal: match record.state {
            State::Refused { reason } => reason,
            State::Queued | State::Open | State::Redeemed { .. } | State::Revoked => String::new(),
        },
        ..wire::Code::default()
    };
    match record.kind {
        CodeKind::Directory => {
            told.kind = wire::Kind::Directory.into();
            told.digits = record.digits.map(|digits| digits.0).unwrap_or_default();
            told.limits = Some(record.limits.into());
        }
        CodeKind::Personal => {
            told.kind = wire::Kind::Personal.into();
            told.mac = record.limits.macs.first().map_or(0, |mac| mac.to_u64());
            told.model = record.limits.models.first().map(ToString::to_string).unwrap_or_default();
            told.expires_at = record.limits.ends_at.map_or(0, Timestamp::as_micros);
        }
    }
    told
}

impl From<Risk> for wire::Risk {
    fn from(risk: Risk) -> Self {
        let Risk { length, live_codes, guesses_per_day, expected_days, ceiling_days } = risk;
        Self { length, live_codes, guesses_per_day, expected_days, ceiling_days }
    }
}

impl From<Kept> for wire::Attempt {
    fn from(kept: Kept) -> Self {
        Self {
            number: kept.number,
            code_id: kept.code_id,
            mac: kept.mac.to_u64(),
            model: kept.model,
            source: kept.source,
            at: kept.at.as_micros(),
            outcome: kept.outcome.word().to_owned(),
            misses: kept.misses,
        }
    }
}

/// `None` for any.
pub(crate) fn kind(kind: wire::Kind) -> Option<CodeKind> {
    match kind {
        wire::Kind::Unspecified => None,
        wire::Kind::Directory => Some(CodeKind::Directory),
        wire::Kind::Personal => Some(CodeKind::Personal),
    }
}

/// As stored; empty for any.
pub(crate) const fn state_word(state: wire::CodeState) -> &'static str {
    match state {
        wire::CodeState::Unspecified => "",
        wire::CodeState::Queued => "queued",
        wire::CodeState::Open => "open",
        wire::CodeState::Refused => "refused",
        wire::CodeState::Redeemed => "redeemed",
        wire::CodeState::Expired => "expired",
        wire::CodeState::Revoked => "revoked",
    }
}
