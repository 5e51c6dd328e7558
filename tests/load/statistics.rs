//! Whether two sets of times can be told apart: Mann and Whitney's U, and Kolmogorov and Smirnov's D.

use std::time::Duration;

/// How two sets of times, one and the other, differ.
#[derive(Debug, Clone, Copy)]
pub struct Difference {
    /// The probability that a time of the other is longer than a time of the one, equal ones counting half; 0.5
    /// where there is no difference. It is U divided by the number of pairs, and the area under the curve (AUC)
    /// of whoever tells the two apart by a threshold.
    pub auc: f64,
    /// How probable it is that U is so far from its mean where there is no difference (two-sided, by the normal
    /// approximation, which is good from twenty values on).
    pub p: f64,
    /// The largest difference of the two distributions, from 0 to 1.
    pub distance: f64,
}

impl Difference {
    pub fn between(one: &[Duration], other: &[Duration]) -> Self {
        let mut all: Vec<(Duration, Side)> = one.iter().map(|time| (*time, Side::One)).collect();
        all.extend(other.iter().map(|time| (*time, Side::Other)));
        all.sort_unstable_by_key(|(time, _)| *time);

        let [ones, others] = [one.len(), other.len()].map(float);
        let (mut passed_ones, mut passed_others, mut wins, mut distance) = (0.0, 0.0, 0.0, 0.0_f64);
        for same in all.chunk_by(|(left, _), (right, _)| left == right) {
            let new_ones = float(same.iter().filter(|(_, side)| *side == Side::One).count());
            let new_others = float(same.len()) - new_ones;
            wins += new_others * (passed_ones + new_ones / 2.0);
            passed_ones += new_ones;
            passed_others += new_others;
            distance = distance.max((passed_ones / ones - passed_others / others).abs());
        }
        let auc = wins / (ones * others);
        let deviation = ((ones + others + 1.0) / (12.0 * ones * others)).sqrt();
        Self { auc, p: both_tails((auc - 0.5) / deviation), distance }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    One,
    Other,
}

fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// The probability that a normal variable is further from its mean than so many deviations (Abramowitz and
/// Stegun, 7.1.26; the error is below 1.5e-7).
fn both_tails(deviations: f64) -> f64 {
    let x = deviations.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / 0.327_591_1_f64.mul_add(x, 1.0);
    let factors = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let sum = factors.into_iter().fold(0.0_f64, |sum, factor| sum.mul_add(t, factor));
    sum * t * (-x * x).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(values: impl IntoIterator<Item = u64>) -> Vec<Duration> {
        values.into_iter().map(Duration::from_micros).collect()
    }

    fn assert_near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-6, "{value} is not {expected}");
    }

    #[test]
    fn tails_are_those_of_the_tables() {
        assert_near(both_tails(0.0), 1.0);
        assert_near(both_tails(1.959_964), 0.05);
        assert_near(both_tails(-2.575_829), 0.01);
    }

    #[test]
    fn the_same_times_do_not_differ() {
        let times = micros(0..100);
        let Difference { auc, p, distance } = Difference::between(&times, &times);
        assert_near(auc, 0.5);
        assert_near(p, 1.0);
        assert_near(distance, 0.0);
    }

    #[test]
    fn longer_times_are_seen() {
        let Difference { auc, p, distance } = Difference::between(&micros(0..100), &micros(100..200));
        assert_near(auc, 1.0);
        assert_near(distance, 1.0);
        assert!(p < 1e-6, "{p}");
        // A tenth of the width later: of 10,000 pairs 9,000 steps of the staircase, by counting.
        let Difference { auc, distance, .. } = Difference::between(&micros(0..100), &micros(10..110));
        assert_near(auc, 0.595);
        assert_near(distance, 0.1);
    }

    /// U sees no difference where the one spreads wider around the same middle; D does.
    #[test]
    fn another_spread_is_seen() {
        let Difference { auc, distance, .. } = Difference::between(&micros(0..100), &micros(40..60));
        assert_near(auc, 0.5);
        assert_near(distance, 0.4);
    }
}
