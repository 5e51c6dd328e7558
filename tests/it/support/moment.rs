//! Moments, by the program `date`.

use std::process::Command;

/// RFC 3339, so far from now: `+1 day`, `-1 second`.
pub fn from_now(distance: &str) -> String {
    by_date(distance, "+%Y-%m-%dT%H:%M:%SZ")
}

/// The same in seconds since 1970.
pub fn seconds_from_now(distance: &str) -> u64 {
    by_date(distance, "+%s").parse().expect("a number")
}

fn by_date(distance: &str, format: &str) -> String {
    let output = Command::new("date").args(["-u", "-d", distance, format]).output().expect("date runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}
