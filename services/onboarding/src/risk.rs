//! How likely it is that somebody guesses a code: the formula of the README, pure.

use crate::policy::Policy;

/// The lengths that codes can have.
pub(crate) const LENGTHS: std::ops::RangeInclusive<u32> = 3..=16;

/// The chance of guessing some code of one length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Risk {
    pub length: u32,
    /// Codes that a stranger could hit, each counted with its weight.
    pub live_codes: f64,
    /// What the budgets allow everybody together.
    pub guesses_per_day: f64,
    /// Of somebody who never guesses the same twice. Infinite where there is no code to hit.
    pub expected_days: f64,
    pub ceiling_days: f64,
}

impl Risk {
    /// The risk while codes of that weight together are live.
    pub fn of(length: u32, live_codes: f64, policy: &Policy) -> Self {
        let guesses_per_day = f64::from(policy.budgets.of_length(length).per_day);
        let numbers = 10_f64.powi(i32::try_from(length).unwrap_or(i32::MAX));
        Self {
            length,
            live_codes,
            guesses_per_day,
            // Nothing to hit: the division gives infinity.
            expected_days: (numbers + 1.0) / ((live_codes + live_codes.min(1.0)).max(0.0) * guesses_per_day),
            ceiling_days: f64::from(policy.ceiling_days),
        }
    }

    /// Whether a guesser would have less luck than the operator allows.
    pub fn is_within(&self) -> bool {
        self.expected_days >= self.ceiling_days
    }

    /// The number of digits from which one more code, limited to nothing, would be within the ceiling, if all
    /// lengths had as few codes as this wish; for a sentence, not for a decision.
    pub fn digits_enough(policy: &Policy) -> Option<u32> {
        LENGTHS.into_iter().find(|length| Self::of(*length, 1.0, policy).is_within())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thousands(number: f64) -> String {
        let digits = format!("{number:.0}");
        let mut text = String::new();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                text.push(' ');
            }
            text.push(digit);
        }
        text
    }

    #[test]
    fn the_readme_has_the_table_that_the_defaults_give() {
        let policy = Policy::default();
        let readme = include_str!("../README.md");
        for length in LENGTHS {
            let days = |live: f64| thousands(Risk::of(length, live, &policy).expected_days.floor());
            let row = format!(
                "| {length} | {} | {} | {} | {} | {} |",
                thousands(f64::from(policy.budgets.of_length(length).per_day)),
                days(1.0),
                days(0.1),
                days(0.01),
                days(100.0)
            );
            assert!(readme.contains(&row), "the README lacks {row}");
        }
    }

    #[test]
    fn the_defaults_allow_one_open_six_digit_code_and_no_open_three_digit_one() {
        let policy = Policy::default();
        assert!(Risk::of(6, 1.0, &policy).is_within());
        assert!(!Risk::of(3, 1.0, &policy).is_within());
        assert!(!Risk::of(3, 0.1, &policy).is_within());
        assert!(Risk::of(3, 0.01, &policy).is_within());
        assert!(Risk::of(3, 0.0, &policy).is_within());
        assert!(Risk::of(3, 0.0, &policy).expected_days.is_infinite());
        assert_eq!(Risk::digits_enough(&policy), Some(6));
    }
}
