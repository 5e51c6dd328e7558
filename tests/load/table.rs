//! The table: medians of pairs, and whether they keep their limits.

use std::fmt::Write;

use anyhow::{Result, ensure};

use crate::client::Connection;
use crate::round::{Measured, Round};
use crate::spread::Spread;
use crate::verdict::Verdict;

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
            let mut connection = Connection::open_as(&round.contender.target, round.phones.place(0)).await?;
            let answer = connection.ask(&round.phones, 0).await?;
            answers.push((answer.body.len(), answer.content_type));
        }
        ensure!(answers.first() == answers.last(), "{answers:?}");
        Ok(())
    }

    /// Whether the median ratio keeps the limit.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.spread(Pair::ratio).median() > self.limit)
    }

    fn spread(&self, value: impl Fn(&Pair) -> f64) -> Spread {
        Spread::of(self.pairs.iter().map(value))
    }

    fn line(&self) -> String {
        format!(
            "| {:<36} | {:>7.0} | {:>6.1} | {:>7.0} | {:>6.1} | {:>5.2} | {:>11} | {:>5.2} | {:<4} |",
            self.name,
            self.spread(|pair| pair.ours.rate()).median(),
            self.spread(|pair| pair.ours.cpu_micros()).median(),
            self.spread(|pair| pair.theirs.rate()).median(),
            self.spread(|pair| pair.theirs.cpu_micros()).median(),
            self.spread(Pair::ratio).median(),
            self.spread(Pair::ratio).range(),
            self.limit,
            self.verdict(),
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
