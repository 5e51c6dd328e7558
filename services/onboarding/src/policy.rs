//! What an operator decides about codes: how many wrong guesses there may be, and how much luck a guesser.

/// The numbers an operator sets.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Directory codes of this many digits or more are approved at once; shorter ones wait for an operator.
    pub approve_from_digits: u32,
    /// The expected days until some code of a length is hit by luck must not fall below this by a new code.
    pub ceiling_days: u32,
    /// How many days a withdrawn directory code rests before anyone can have it.
    pub cooling_days: u32,
    /// How many days attempts that were refused are kept. Who has redeemed a code is kept as long as the code.
    pub keep_attempts_days: u32,
    /// How many wrong guesses there may be.
    pub budgets: Budgets,
}

/// Wrong guesses that are allowed before right ones of unknown phones are refused too.
#[derive(Debug, Clone, PartialEq)]
pub struct Budgets {
    /// Of one phone.
    pub phone: Allowance,
    /// Of one network: an IPv4 /24 or an IPv6 /56.
    pub network: Allowance,
    /// A day, over the whole system, at codes of 3 to 16 digits.
    pub length_per_day: [u32; 14],
}

/// So many a day, and so many at once after a time without any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// At least 1.
    pub per_day: u32,
    /// At least 1.
    pub burst: u32,
}

impl Budgets {
    /// What everybody together may guess at codes of `length` digits.
    ///
    /// The burst is a tenth of a day's share: it adds no more than a tenth of a day to what the risk tells.
    pub fn of_length(&self, length: u32) -> Allowance {
        let place = length.checked_sub(3).and_then(|place| usize::try_from(place).ok());
        let per_day = place.and_then(|place| self.length_per_day.get(place)).copied().unwrap_or(1);
        Allowance { per_day, burst: (per_day / 10).max(1) }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            approve_from_digits: 6,
            ceiling_days: 300,
            cooling_days: 90,
            keep_attempts_days: 400,
            budgets: Budgets::default(),
        }
    }
}

impl Default for Budgets {
    /// One code of six digits that anybody may use is hit in 500 days; one of three digits, in 16.
    fn default() -> Self {
        Self {
            phone: Allowance { per_day: 10, burst: 5 },
            network: Allowance { per_day: 200, burst: 50 },
            length_per_day: [
                30, 50, 200, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 100_000, 100_000, 100_000, 100_000,
            ],
        }
    }
}
