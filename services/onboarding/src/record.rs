//! A code as it is kept.

use vocabulary::{CodeId, CodeKind, ProfileId, ProviderId, Timestamp};

use crate::grant::State;
use crate::limits::Limits;

/// How long the phone that has used a personal code gets the same answer again, however soon the code expires:
/// its first answer may have been lost.
const REPEATABLE: std::time::Duration = std::time::Duration::from_hours(24);

/// The id of nobody's code, which a guess at nothing is about: so that it reads and writes as much as any other.
pub(crate) const NOBODYS: &str = "cod_00000000000000000000";

/// A code, without what nobody may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub id: CodeId,
    pub kind: CodeKind,
    pub state: State,
    pub provider: ProviderId,
    pub profile: ProfileId,
    pub length: u32,
    /// Of a directory code. Not in `Debug`, which is for logs.
    pub digits: Option<Digits>,
    /// A personal code's binding and expiry are limits too.
    pub limits: Limits,
    /// Different phones that have redeemed it.
    pub activations: u64,
    pub note: String,
    pub created_at: Timestamp,
}

/// The digits of a directory code. `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Digits(pub String);

impl std::fmt::Debug for Digits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digits(****)")
    }
}

impl Record {
    /// Whether it is the code that nobody can type, see, or decide on.
    pub fn is_nobodys(&self) -> bool {
        self.id.as_str() == NOBODYS
    }

    /// Whether a personal code's time is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.kind == CodeKind::Personal && self.limits.ends_at.is_some_and(|end| now >= end)
    }

    /// Whether a personal code that was used at `redeemed_at` still answers the phone that used it.
    pub fn is_repeatable(&self, redeemed_at: Timestamp, now: Timestamp) -> bool {
        !self.is_expired(now) || now < redeemed_at.plus(REPEATABLE)
    }
}
