//! What every source file keeps to.

use std::path::{Path, PathBuf};

use crate::support::repository;

/// A file that is longer has more than one reason to exist. In lines.
const LONGEST: usize = 500;
/// Names that say nothing of what is inside.
const NO_NAMES: [&str; 4] = ["utils", "helper", "common", "manager"];

/// All Rust files below a folder of the repository.
pub fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![repository().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// Every source file, with its text.
fn sources() -> Vec<(PathBuf, String)> {
    let files: Vec<_> = ["proto", "services", "tests"].into_iter().flat_map(rust_files).collect();
    assert!(files.len() > 150, "{} files", files.len());
    files.into_iter().map(|file| (file.clone(), std::fs::read_to_string(file).expect("a file"))).collect()
}

/// Every file for which `is_wrong`, as a person would name it.
fn wrong(is_wrong: impl Fn(&Path, &str) -> bool) -> Vec<String> {
    let files = sources().into_iter().filter(|(file, text)| is_wrong(file, text));
    files.map(|(file, _)| file.strip_prefix(repository()).unwrap_or(&file).display().to_string()).collect()
}

#[test]
fn no_file_is_too_long() {
    assert_eq!(wrong(|_, text| text.lines().count() >= LONGEST), Vec::<String>::new());
}

#[test]
fn every_file_begins_with_its_reason() {
    assert_eq!(wrong(|_, text| !text.starts_with("//! ")), Vec::<String>::new());
}

#[test]
fn every_name_says_what_is_inside() {
    let says_nothing = |file: &Path, _: &str| {
        let inside = file.strip_prefix(repository()).unwrap_or(file).to_string_lossy().to_lowercase();
        NO_NAMES.iter().any(|name| inside.contains(name))
    };
    assert_eq!(wrong(says_nothing), Vec::<String>::new());
}

/// An exception is an `#[expect]` with its reason; a test that does not run is no test.
#[test]
fn no_rule_is_switched_off_in_silence() {
    // Put together here, so that this file does not hold them.
    let banned = ["allow(", "ignore", "ignore ="].map(|word| ["#[", word].concat());
    let whole = ["allow("].map(|word| ["#![", word].concat());
    let has_any = |_: &Path, text: &str| banned.iter().chain(&whole).any(|word| text.contains(word.as_str()));
    assert_eq!(wrong(has_any), Vec::<String>::new());
}
