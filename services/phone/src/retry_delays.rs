//! `Resync_Error_Retry_Delay`: how long to wait after a failed resync (chapter, classes B and C).
//!
//! A comma list of seconds; the last one repeats; `3600+600` adds a random 0 to 600; 0 means never
//! again.

use std::time::Duration;

use vocabulary::Randomness;

/// What a phone does that nobody has told otherwise.
const DEFAULT: &str = "60,120,240,480,960,1920,3840,7680,15360,30720,61440,86400";

/// A parsed list; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RetryDelays {
    first: Delay,
    rest: Vec<Delay>,
}

/// Seconds, and up to how many more at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Delay {
    fixed: u32,
    random: u32,
}

impl RetryDelays {
    /// Reads the parameter; an unreadable value is the default, as the phone's web page would refuse it.
    pub(crate) fn read(text: &str) -> Self {
        Self::parse(text).or_else(|| Self::parse(DEFAULT)).unwrap_or(Self { first: Delay::NEVER, rest: Vec::new() })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut delays = text.split(',').map(Delay::parse);
        let first = delays.next()??;
        let rest = delays.collect::<Option<_>>()?;
        Some(Self { first, rest })
    }

    /// How long to wait after failure number `failures` (0 is the first), or `None` for ever.
    pub(crate) fn after(&self, failures: u32, randomness: &Randomness) -> Option<Duration> {
        let place = usize::try_from(failures).unwrap_or(usize::MAX);
        let delay = place.checked_sub(1).and_then(|place| self.rest.get(place).or(self.rest.last()));
        delay.unwrap_or(&self.first).draw(randomness)
    }
}

impl Delay {
    const NEVER: Self = Self { fixed: 0, random: 0 };

    fn parse(text: &str) -> Option<Self> {
        let (fixed, random) = text.split_once('+').unwrap_or((text, "0"));
        Some(Self { fixed: fixed.trim().parse().ok()?, random: random.trim().parse().ok()? })
    }

    fn draw(self, randomness: &Randomness) -> Option<Duration> {
        if self == Self::NEVER {
            return None;
        }
        // The remainder's bias is 2^-32: nobody measures a telephone's jitter that finely.
        let more = u64::from_be_bytes(randomness.bytes()) % (u64::from(self.random) + 1);
        Some(Duration::from_secs(u64::from(self.fixed) + more))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(text: &str, failures: u32) -> Option<u64> {
        RetryDelays::read(text).after(failures, &Randomness::seeded(1)).map(|delay| delay.as_secs())
    }

    #[test]
    fn lists_end_in_a_repetition() {
        let drawn: Vec<_> = (0..4).map(|failures| seconds("10, 20,30", failures)).collect();
        assert_eq!(drawn, [Some(10), Some(20), Some(30), Some(30)]);
        assert_eq!([seconds("600", 0), seconds("600", 7)], [Some(600), Some(600)]);
    }

    #[test]
    fn nothing_readable_is_the_default() {
        for text in ["", "soon", "60,,120", "-1"] {
            assert_eq!(
                [seconds(text, 0), seconds(text, 1), seconds(text, 99)],
                [Some(60), Some(120), Some(86_400)],
                "{text}"
            );
        }
    }

    #[test]
    fn zero_is_never_and_only_where_it_stands() {
        assert_eq!(seconds("0", 0), None);
        assert_eq!([seconds("60,0", 0), seconds("60,0", 1), seconds("60,0", 2)], [Some(60), None, None]);
    }

    proptest! {
        #[test]
        fn a_random_part_stays_in_its_range(fixed in 0..100_000u32, random in 1..100_000u32, seed: u64) {
            let delay = RetryDelays::read(&format!("{fixed}+{random}")).after(3, &Randomness::seeded(seed));
            let drawn = delay.expect("not never").as_secs();
            prop_assert!((u64::from(fixed)..=u64::from(fixed) + u64::from(random)).contains(&drawn));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9,+ a]{0,30}", failures: u32) {
            let _ = seconds(&text, failures);
        }
    }
}
