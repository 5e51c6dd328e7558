//! The arithmetic of `deploy/README.md`, done again.

use super::{deploy, text};

/// How long a region takes to ask, in seconds.
const STORM: f64 = 40.0;
/// How busy processors may be.
const BUSY: f64 = 0.6;

/// The cells of each row of the table whose heading begins with `heading`.
fn table(heading: &str) -> Vec<Vec<String>> {
    let readme = text("README.md");
    let rows = readme.lines().skip_while(|line| !line.starts_with(heading)).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// A number with its unit, such as `1,025 GB`, in units of its own.
fn number(cell: &str) -> f64 {
    let digits: String =
        cell.chars().filter(|it| *it != ',').take_while(|it| it.is_ascii_digit() || *it == '.').collect();
    digits.parse().unwrap_or_else(|_| panic!("{cell} is no number"))
}

/// A figure of the first table, by the words it begins with.
fn figure(words: &str) -> f64 {
    let rows = table("| figure ");
    let row = rows.iter().find(|row| row[0].starts_with(words)).unwrap_or_else(|| panic!("no figure {words}"));
    number(&row[1])
}

/// Whether a rounded number is what it should be.
fn is_about(written: f64, exact: f64) -> bool {
    (written - exact).abs() <= 0.03 * exact
}

#[test]
fn the_sizes_follow_from_the_figures() {
    let (one_process, separate) = (figure("one phone, new TLS"), figure("the same phone through"));
    let life = figure("a registered phone") + 5.0 * (figure("a question") + figure("a report"));
    let rows = table("| phones | ask at once ");
    assert_eq!(rows.len(), 5);
    for row in &rows {
        let [phones, asking, rate, cost, cores, index, disk] = [0, 1, 2, 3, 4, 5, 6].map(|at: usize| number(&row[at]));
        assert!(is_about(rate, asking / STORM), "{row:?}");
        let is_one_process = row[7].starts_with("one process");
        assert!(is_about(cost, if is_one_process { one_process } else { separate }), "{row:?}");
        assert!(is_about(cores, (rate * cost / 1e6 / BUSY).ceil()), "{row:?}");
        assert!(is_about(index, phones * figure("a phone in redirection's memory") / 1e6), "{row:?}");
        let engine = if is_one_process { 1.0 } else { 2.0 };
        assert!(is_about(disk, phones * life * engine / 1e9), "{row:?}");
    }
}

/// Where a figure was taken from, it must still stand.
#[test]
fn every_figure_says_where_it_is_from() {
    for row in table("| figure ") {
        assert!(row[2].starts_with("measured") || row[2].starts_with("extrapolated"), "{row:?}");
    }
    let bench = std::fs::read_to_string(deploy("../tests/load/README.md")).expect("the bench");
    for (case, words) in [
        ("| recorded, new TLS 1.3 connection |", "one phone, new TLS"),
        ("| recorded, kept-alive HTTP/1.1 |", "the same on a connection that is kept"),
    ] {
        let row = bench.lines().find(|line| line.starts_with(case)).expect("the case");
        let measured = number(row.split('|').nth(3).expect("its cost").trim());
        assert!(is_about(figure(words), measured), "{case} measured {measured}");
    }
}
