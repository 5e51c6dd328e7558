//! What the service has noted of guesses, read from its own database and with its own times; and how a test lets
//! days pass there.

use crate::support::Server;

/// In microseconds.
pub const DAY: i64 = 86_400_000_000;

/// So many guesses a day, and so many at once: the budget that binds somebody.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    pub per_day: i64,
    pub burst: i64,
}

/// When guesses from the networks whose stored form begins like this were judged and found wrong.
pub fn judged(server: &Server, networks: &str) -> Vec<i64> {
    let asked = format!(
        "SELECT at FROM attempt
         WHERE network LIKE '{networks}%' AND outcome NOT IN ('throttled', 'redeemed', 'repeated')
         ORDER BY at",
    );
    server.sql("onboarding", &asked).lines().map(|at| at.parse().expect("a moment")).collect()
}

/// As if so much time had passed since the last guess.
pub fn pass(server: &Server, micros: i64) {
    server.sql("onboarding", &format!("UPDATE budget SET whole_at = whole_at - {micros}"));
}

impl Allowance {
    pub const fn step(self) -> i64 {
        DAY / self.per_day
    }

    /// The most guesses that may be judged from the first of these moments to the last.
    pub fn most(self, moments: &[i64]) -> i64 {
        let took = moments.last().expect("a guess") - moments.first().expect("a guess");
        self.burst + took / self.step()
    }
}
