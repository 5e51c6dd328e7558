//! Moments, by the program `date`.

use std::process::Command;

/// RFC 3339, so far from now: `+1 day`, `-1 second`.
pub fn from_now(distance: &str) -> String {
    let output = Command::new("date").args(["-u", "-d", distance, "+%Y-%m-%dT%H:%M:%SZ"]).output();
    String::from_utf8(output.expect("date runs").stdout).expect("text").trim().to_owned()
}
