//! What providers and operators do with codes: make them, change them, decide on them, take them back.

use std::time::Duration;

use serde_json::json;
use storage::{StoreError, Tx};
use vocabulary::{CodeId, CodeKind, DeviceModel, MacAddress, ProfileId, ProviderId, Timestamp};

use crate::Onboarding;
use crate::assignment::Content;
use crate::code::{PERSONAL_LENGTH, PersonalDigits, digits};
use crate::deed::{self, By};
use crate::grant::{Event, State};
use crate::limits::Limits;
use crate::record::{Digits, Record};
use crate::refusal::CodeRefused;
use crate::risk::Risk;
use crate::store::{self, LengthTaken, NewPersonal};

/// How long a personal code can live, counted from when it was made (issue of Cisco's codes: 7 days on CUCM, 30 on
/// Webex).
pub(crate) const LONGEST: Duration = Duration::from_hours(30 * 24);
const DAY: u64 = 86_400;
/// How often digits that somebody else was drawn are drawn again. Once in a thousand million is rare enough.
const DRAWS: usize = 3;
/// How many digits are drawn for each suggestion that is wanted.
const CANDIDATES: usize = 16;

/// What a provider wishes a directory code to be.
pub(crate) struct DirectoryWish {
    pub provider: ProviderId,
    pub profile: ProfileId,
    pub digits: String,
    pub limits: Limits,
    pub note: String,
}

/// What a provider wishes its personal codes to be.
pub(crate) struct PersonalWish {
    pub provider: ProviderId,
    pub profile: ProfileId,
    pub count: usize,
    pub lifetime: Duration,
    pub mac: Option<MacAddress>,
    pub model: Option<DeviceModel>,
    pub note: String,
}

/// A change of a directory code.
pub(crate) struct Change {
    pub provider: ProviderId,
    pub code_id: String,
    pub limits: Limits,
    /// `None` to leave it.
    pub profile: Option<ProfileId>,
}

/// What a directory code's profile may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demand {
    /// One without a secret.
    Harmless,
    Any,
}

impl Onboarding {
    /// Reserves the digits and asks for discovery; policy approves or queues.
    pub(crate) async fn create_directory(&self, wish: DirectoryWish, by: &By) -> Result<(Record, Risk), CodeRefused> {
        self.check_profile(&wish.provider, &wish.profile, Demand::Harmless).await?;
        let now = self.clock.now();
        let length = u32::try_from(wish.digits.len()).map_err(|_| CodeRefused::Digits)?;
        let is_approved = length >= self.policy.approve_from_digits;
        let mut tx = self.db.write().await?;
        // Digits of another length are other digits.
        let taken = store::length_take(&mut tx, length).await?;
        if store::is_taken(tx.connection(), &wish.digits, now).await? {
            return Err(CodeRefused::Taken);
        }
        let record = Record {
            id: CodeId::draw(&self.randomness),
            kind: CodeKind::Directory,
            state: if is_approved { State::Open } else { State::Queued },
            provider: wish.provider,
            profile: wish.profile,
            length,
            digits: Some(Digits(wish.digits)),
            limits: wish.limits,
            activations: 0,
            note: wish.note,
            created_at: now,
        };
        let risk = self.risk_with(&mut tx, &taken, record.limits.weight_at(now)).await?;
        store::code_insert(&mut tx, &record).await?;
        by.did(&mut tx, "code.create", &record, deed::limits(&record)).await?;
        tx.commit().await?;
        Ok((record, risk))
    }

    /// Replaces the limits, and the profile where one is given. Acts on the next redemption.
    pub(crate) async fn change_directory(&self, change: Change, by: &By) -> Result<(Record, Risk), CodeRefused> {
        let mut tx = self.db.write().await?;
        let found = store::code_take_in_turn(&mut tx, Some(&change.provider), &change.code_id).await?;
        let (mut record, taken) = found.filter(|(it, _)| it.kind == CodeKind::Directory).ok_or(CodeRefused::Unknown)?;
        match record.state {
            State::Queued | State::Open => {}
            State::Refused { .. } | State::Redeemed { .. } | State::Revoked => {
                return Err(crate::grant::Impossible::Closed.into());
            }
        }
        let now = self.clock.now();
        let live = if record.state == State::Open { record.limits.weight_at(now) } else { 0.0 };
        let risk = self.risk_with(&mut tx, &taken, change.limits.weight_at(now) - live).await?;
        record.limits = change.limits;
        record.profile = change.profile.unwrap_or(record.profile);
        store::code_limit(&mut tx, &record).await?;
        by.did(&mut tx, "code.change", &record, deed::limits(&record)).await?;
        tx.commit().await?;
        Ok((record, risk))
    }

    /// Refuses a profile that is not the provider's, or that a directory code must not lead to.
    pub(crate) async fn check_directory_profile(
        &self,
        provider: &ProviderId,
        profile: &ProfileId,
    ) -> Result<(), CodeRefused> {
        self.check_profile(provider, profile, Demand::Harmless).await
    }

    async fn check_profile(
        &self,
        provider: &ProviderId,
        profile: &ProfileId,
        demand: Demand,
    ) -> Result<(), CodeRefused> {
        let content = self.assignments.profile(provider, profile).await.map_err(CodeRefused::Redirection)?;
        match content {
            None => Err(CodeRefused::UnknownProfile),
            Some(Content::Secret) if demand == Demand::Harmless => Err(CodeRefused::ProfileCarriesSecret),
            Some(Content::Secret | Content::Harmless) => Ok(()),
        }
    }

    /// An operator approves, or refuses with a reason.
    pub(crate) async fn decide_directory(&self, code_id: &str, event: Event, by: &By) -> Result<Record, CodeRefused> {
        let mut tx = self.db.write().await?;
        let found = store::code_take_in_turn(&mut tx, None, code_id).await?;
        let (mut record, taken) = found.filter(|(it, _)| it.kind == CodeKind::Directory).ok_or(CodeRefused::Unknown)?;
        let next = record.state.clone().apply(record.kind, event)?;
        if next == State::Open && record.state != State::Open {
            self.risk_with(&mut tx, &taken, record.limits.weight_at(self.clock.now())).await?;
        }
        store::code_turn(&mut tx, &record, &next, None).await?;
        by.did(&mut tx, "code.decide", &record, json!({ "state": next.word() })).await?;
        tx.commit().await?;
        record.state = next;
        Ok(record)
    }

    /// Takes a code back. The digits of a directory code that phones could use rest before anyone can have them.
    pub(crate) async fn revoke(&self, provider: &ProviderId, code_id: &str, by: &By) -> Result<Record, CodeRefused> {
        let mut tx = self.db.write().await?;
        let found = store::code_take(&mut tx, Some(provider), code_id).await?;
        let mut record = found.ok_or(CodeRefused::Unknown)?;
        let next = record.state.clone().apply(record.kind, Event::Revoke)?;
        if next == record.state {
            return Ok(record);
        }
        let rest = Duration::from_secs(u64::from(self.policy.cooling_days) * DAY);
        let was_known = record.kind == CodeKind::Directory && record.state == State::Open;
        let rests_until = was_known.then(|| self.clock.now().plus(rest));
        store::code_turn(&mut tx, &record, &next, rests_until).await?;
        by.did(&mut tx, "code.revoke", &record, json!({})).await?;
        tx.commit().await?;
        record.state = next;
        Ok(record)
    }

    /// Whether `wanted` is free, and `count` free codes of `length` digits, or as many as were found.
    pub(crate) async fn suggest(
        &self,
        wanted: Option<&str>,
        length: usize,
        count: usize,
    ) -> Result<(bool, Vec<String>), CodeRefused> {
        let now = self.clock.now();
        let mut reader = self.db.read().await?;
        let is_free = match wanted {
            None => false,
            Some(digits) => !store::is_taken(reader.connection(), digits, now).await?,
        };
        let mut candidates: Vec<String> = (0..count * CANDIDATES).map(|_| digits(length, &self.randomness)).collect();
        candidates.sort_unstable();
        candidates.dedup();
        let taken = store::taken_among(reader.connection(), &candidates, now).await?;
        candidates.retain(|candidate| !taken.contains(candidate));
        // Sorted candidates would all begin with the same digit.
        let step = (candidates.len() / count.max(1)).max(1);
        Ok((is_free, candidates.into_iter().step_by(step).take(count).collect()))
    }

    /// Makes personal codes: all of them, or none. Their digits are told here and never again.
    pub(crate) async fn create_personal(
        &self,
        wish: PersonalWish,
        by: &By,
    ) -> Result<(Vec<(Record, PersonalDigits)>, Risk), CodeRefused> {
        self.check_profile(&wish.provider, &wish.profile, Demand::Any).await?;
        let now = self.clock.now();
        let limits = Limits {
            ends_at: Some(now.plus(wish.lifetime)),
            models: wish.model.into_iter().collect(),
            macs: wish.mac.into_iter().collect(),
            ..Limits::default()
        };
        let like = Record {
            id: CodeId::draw(&self.randomness),
            kind: CodeKind::Personal,
            state: State::Open,
            provider: wish.provider,
            profile: wish.profile,
            length: u32::try_from(PERSONAL_LENGTH).map_err(|_| CodeRefused::Length)?,
            digits: None,
            limits: limits.check()?,
            activations: 0,
            note: wish.note,
            created_at: now,
        };
        for _ in 1..DRAWS {
            match self.insert_personal(&like, wish.count, by).await {
                Err(CodeRefused::Store(StoreError::AlreadyExists)) => {}
                made => return made,
            }
        }
        self.insert_personal(&like, wish.count, by).await
    }

    async fn insert_personal(
        &self,
        like: &Record,
        count: usize,
        by: &By,
    ) -> Result<(Vec<(Record, PersonalDigits)>, Risk), CodeRefused> {
        let drawn = PersonalDigits::draw(count, &self.randomness);
        let made: Vec<(Record, PersonalDigits)> = drawn
            .into_iter()
            .map(|digits| (Record { id: CodeId::draw(&self.randomness), ..like.clone() }, digits))
            .collect();
        let new: Vec<NewPersonal> =
            made.iter().map(|(record, digits)| NewPersonal::new(&record.id, self.key.digest(digits))).collect();
        let mut tx = self.db.write().await?;
        // Counts are far below what a float holds exactly.
        let added = like.limits.weight() * f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let taken = store::length_take(&mut tx, like.length).await?;
        let risk = self.risk_with(&mut tx, &taken, added).await?;
        store::personal_insert(&mut tx, like, &new).await?;
        if let Some((first, _)) = made.first() {
            let detail = json!({ "codes": count, "limits": deed::limits(like) });
            by.did(&mut tx, "code.create_personal", first, detail).await?;
        }
        tx.commit().await?;
        Ok((made, risk))
    }

    /// Gives a personal code that nobody has used another end, at most 30 days after it was made.
    pub(crate) async fn extend(
        &self,
        provider: &ProviderId,
        code_id: &str,
        ends_at: Timestamp,
        by: &By,
    ) -> Result<Record, CodeRefused> {
        let mut tx = self.db.write().await?;
        let found = store::code_take_in_turn(&mut tx, Some(provider), code_id).await?;
        let (mut record, taken) = found.filter(|(it, _)| it.kind == CodeKind::Personal).ok_or(CodeRefused::Unknown)?;
        match record.state {
            State::Open => {}
            State::Redeemed { .. } => return Err(crate::grant::Impossible::Used.into()),
            State::Queued | State::Refused { .. } | State::Revoked => {
                return Err(crate::grant::Impossible::Closed.into());
            }
        }
        let now = self.clock.now();
        if ends_at <= now || ends_at > record.created_at.plus(LONGEST) {
            return Err(CodeRefused::Lifetime);
        }
        if record.is_expired(now) {
            self.risk_with(&mut tx, &taken, record.limits.weight()).await?;
        }
        store::code_extend(&mut tx, &record.id, ends_at).await?;
        by.did(&mut tx, "code.extend", &record, json!({ "until": ends_at.as_micros() })).await?;
        tx.commit().await?;
        record.limits.ends_at = Some(ends_at);
        Ok(record)
    }

    /// The risk once codes of that weight are added; an error where that is more than the operator allows. What makes
    /// a guesser's luck smaller is always welcome.
    async fn risk_with(&self, tx: &mut Tx, taken: &LengthTaken, added: f64) -> Result<Risk, CodeRefused> {
        let live = store::live_weight(tx, taken, self.clock.now()).await?;
        let risk = Risk::of(taken.length(), live + added, &self.policy);
        if added > 0.0 && !risk.is_within() {
            return Err(too_high(&risk, Risk::digits_enough(&self.policy)));
        }
        Ok(risk)
    }
}

fn too_high(risk: &Risk, digits_enough: Option<u32>) -> CodeRefused {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "days for a sentence; never negative")]
    let whole = |days: f64| days.floor() as u64;
    let digits = digits_enough.filter(|enough| *enough > risk.length).or((risk.length < 16).then_some(risk.length + 1));
    CodeRefused::RiskTooHigh {
        length: risk.length,
        days: whole(risk.expected_days),
        ceiling: whole(risk.ceiling_days),
        remedy: digits.map(|digits| format!("take {digits} digits or more, or ")).unwrap_or_default(),
    }
}
