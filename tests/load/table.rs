//! The table: medians of pairs, and whether they keep their limits.

use std::fmt::Write;

use anyhow::{Result, ensure};

use crate::client::Connection;
use crate::round::{Measured, Round};

/// One line of the table.
pub struct Case {
    pub name: &'static str,
    /// The most processor time that Dialtone may use, in multiples of what nginx uses.
    pub limit: f64,
    pub ours: Round,
    pub theirs: Round,
    pub pairs: Vec<Pair>,
}

/// Two rounds, one right after the other.
pub struct Pair {
    pub ours: Measured,
    pub theirs: Measured,
}

impl Pair {
    fn ratio(&self) -> f64 {
        self.ours.cpu_micros() / self.theirs.cpu_micros()
    }
}

impl Case {
    /// Makes sure that both servers give answers of the same length and type.
    pub async fn check(&self) -> Result<()> {
        let mut answers = Vec::new();
        for round in [&self.ours, &self.theirs] {
            let answer = Connection::open(&round.contender.target).await?.ask(round.phones, 0).await?;
            answers.push((answer.body.len(), answer.content_type));
        }
        ensure!(answers.first() == answers.last(), "{answers:?}");
        Ok(())
    }

    /// Whether the median ratio is above the limit.
    pub fn is_over(&self) -> bool {
        self.median(Pair::ratio) > self.limit
    }

    fn median(&self, value: impl Fn(&Pair) -> f64) -> f64 {
        let values = self.sorted(value);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn sorted(&self, value: impl Fn(&Pair) -> f64) -> Vec<f64> {
        let mut values: Vec<f64> = self.pairs.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    fn line(&self) -> String {
        let ratios = self.sorted(Pair::ratio);
        let [least, most] = [ratios.first(), ratios.last()].map(|ratio| ratio.copied().unwrap_or(f64::NAN));
        format!(
            "| {:<36} | {:>7.0} | {:>6.1} | {:>7.0} | {:>6.1} | {:>5.2} | {:>11} | {:>5.2} | {:<4} |",
            self.name,
            self.median(|pair| pair.ours.rate()),
            self.median(|pair| pair.ours.cpu_micros()),
            self.median(|pair| pair.theirs.rate()),
            self.median(|pair| pair.theirs.cpu_micros()),
            self.median(Pair::ratio),
            format!("{least:.2}-{most:.2}"),
            self.limit,
            if self.is_over() { "over" } else { "ok" },
        )
    }
}

/// The table under its title, in Markdown.
pub fn render(title: &str, cases: &[Case]) -> String {
    let mut text = format!("{title}, medians\n\n");
    let columns = ["ours/s", "CPU us", "nginx/s", "CPU us", "ratio", "of pairs", "limit", ""];
    let [ours, our_cpu, theirs, their_cpu, ratio, range, limit, verdict] = columns;
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "| {:<36} | {ours:>7} | {our_cpu:>6} | {theirs:>7} | {their_cpu:>6} | {ratio:>5} | {range:>11} | {limit:>5} | {verdict:<4} |",
        "what is asked",
    );
    let _ = writeln!(
        text,
        "|{}|--------:|-------:|--------:|-------:|------:|------------:|------:|------|",
        "-".repeat(38)
    );
    for case in cases {
        let _ = writeln!(text, "{}", case.line());
    }
    text
}
