//! A window: a time in which phones of a block that show their certificate become the provider's.

use std::time::Duration;

use vocabulary::{DeviceModel, MacAddress, ProfileId, ProviderId, SerialNumber, Timestamp, WindowId};

use crate::range::Block;

/// The longest time a window stays open. Those that ended so long ago are no longer listed.
pub(crate) const LONGEST: Duration = Duration::from_hours(30 * 24);

/// A window as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    pub id: WindowId,
    pub provider: ProviderId,
    pub profile: ProfileId,
    pub block: Block,
    pub from: Timestamp,
    /// The first moment at which it is closed.
    pub until: Timestamp,
    /// Phones that have become the provider's through it.
    pub claimed: u64,
}

/// The window is not open for 1 microsecond to 30 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("until: expected a time after now, and at most 30 days")]
pub(crate) struct InvalidUntil;

/// A phone that has shown its certificate.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub mac: MacAddress,
    /// As the certificate names it.
    pub serial: Option<SerialNumber>,
    /// As the phone says.
    pub model: Option<DeviceModel>,
    pub certificate: Expiry,
}

/// Whether a certificate, or one above it, has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    Valid,
    Expired,
}

/// Until when a window is to be open that opens at `now`.
pub(crate) fn parse_until(until: i64, now: Timestamp) -> Result<Timestamp, InvalidUntil> {
    let until = Timestamp::from_micros(until);
    if now < until && until <= now.plus(LONGEST) { Ok(until) } else { Err(InvalidUntil) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_open_for_at_most_thirty_days() {
        let now = Timestamp::from_micros(5);
        let end = now.plus(LONGEST).as_micros();
        assert_eq!(parse_until(end, now), Ok(Timestamp::from_micros(end)));
        assert_eq!(parse_until(end + 1, now), Err(InvalidUntil));
        assert_eq!(parse_until(5, now), Err(InvalidUntil));
    }
}
