//! Which key signs, which are published, and when: so that a new key is known to who verifies before it signs, and an
//! old one for as long as a token of it is good.

use std::time::Duration;

use vocabulary::Timestamp;

use crate::token::LIFETIME;

/// How long a new key is published before it signs. Who verifies fetches the keys at least every 30 seconds.
pub(crate) const NOTICE: Duration = Duration::from_mins(1);
/// How long a key that signs no more is published: as long as its last token, and a minute for clocks that differ.
const AFTERLIFE: Duration = LIFETIME.saturating_add(Duration::from_mins(1));

/// A key as stored.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub kid: String,
    /// The public part, in JSON.
    pub jwk: String,
    /// The private part.
    pub sealed: Vec<u8>,
    /// It signs from this moment until the next one does.
    pub signs_from: Timestamp,
}

/// The key that signs at `now`, of `keys` in the order in which they sign. Should the clock have been set back to
/// before the first, that one.
pub(crate) fn signing(keys: &[Key], now: Timestamp) -> Option<&Key> {
    keys.iter().rev().find(|key| key.signs_from <= now).or_else(|| keys.first())
}

/// Whether a token of the nth key may still be good, or will be.
fn is_needed(keys: &[Key], nth: usize, now: Timestamp) -> bool {
    keys.get(nth + 1).is_none_or(|next| now < next.signs_from.plus(AFTERLIFE))
}

/// The keys that verify tokens at `now`.
pub(crate) fn published(keys: &[Key], now: Timestamp) -> impl Iterator<Item = &Key> {
    keys.iter().enumerate().filter(move |(nth, _)| is_needed(keys, *nth, now)).map(|(_, key)| key)
}

/// The keys that verify nothing any more.
pub(crate) fn outlived(keys: &[Key], now: Timestamp) -> impl Iterator<Item = &Key> {
    keys.iter().enumerate().filter(move |(nth, _)| !is_needed(keys, *nth, now)).map(|(_, key)| key)
}

/// From when a key that is made at `now` signs: after all others.
pub(crate) fn next_moment(keys: &[Key], now: Timestamp) -> Timestamp {
    let after_last =
        keys.last().map_or(now, |last| Timestamp::from_micros(last.signs_from.as_micros().saturating_add(1)));
    now.plus(NOTICE).max(after_last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_795_370_400_000_000;

    fn key(nth: usize, signs_from: Timestamp) -> Key {
        Key { kid: nth.to_string(), jwk: String::new(), sealed: Vec::new(), signs_from }
    }

    proptest! {
        /// However often keys are made, whatever signs was published for the notice before, and stays published for
        /// as long as its tokens are good.
        #[test]
        fn no_token_is_ever_refused(
            pauses in prop::collection::vec(0..1_200_000_000_i64, 1..20),
            login in 0..12_000_000_000_i64,
        ) {
            let mut keys = vec![key(0, Timestamp::from_micros(0))];
            let mut now = START;
            let mut published_from = vec![0];
            for pause in pauses {
                now += pause;
                keys.push(key(keys.len(), next_moment(&keys, Timestamp::from_micros(now))));
                published_from.push(now);
            }
            let login = Timestamp::from_micros(START + login);
            let signer = signing(&keys, login).expect("a key").clone();
            let nth: usize = signer.kid.parse().expect("a number");
            prop_assert!(nth == 0 || login.as_micros() >= published_from[nth] + 60_000_000);
            for later in [0, 1, 450, 899] {
                let use_at = login.plus(Duration::from_secs(later));
                prop_assert!(published(&keys, use_at).any(|key| key.kid == signer.kid));
            }
            prop_assert!(outlived(&keys, login).all(|key| key.signs_from < signer.signs_from));
        }
    }

    #[test]
    fn an_old_key_is_published_as_long_as_its_last_token_and_a_minute() {
        let first = key(0, Timestamp::from_micros(0));
        let keys = [first.clone(), key(1, next_moment(&[first], Timestamp::from_micros(START)))];
        let at = |seconds: i64| Timestamp::from_micros(START + seconds * 1_000_000);
        let signer = |seconds| signing(&keys, at(seconds)).map(|key| key.kid.clone());
        assert_eq!((signer(59).as_deref(), signer(60).as_deref()), (Some("0"), Some("1")));
        let count = |seconds| published(&keys, at(seconds)).count();
        assert_eq!((count(0), count(60 + 960 - 1), count(60 + 960)), (2, 2, 1));
        assert_eq!(outlived(&keys, at(60 + 960)).map(|key| key.kid.as_str()).collect::<Vec<_>>(), ["0"]);
    }
}
