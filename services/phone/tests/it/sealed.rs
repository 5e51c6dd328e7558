//! Profiles that are sealed for one phone, by the program that the documents name.

use std::path::Path;
use std::process::{Command, Stdio};

use nps::Content;
use phone::{Class, Outcome, PhoneConfig, SealKey};

use crate::desk::{asking, profile, provider, sending_to, walk};

const PASSWORD: &str = "SecretPhrase1234";

/// `openssl enc -e -aes-256-cbc -k SecretPhrase1234 -in profile.xml -out profile.cfg`
fn seal(folder: &Path) {
    let (plain, sealed) = (folder.join("profile.xml"), folder.join("profile.cfg"));
    std::fs::write(&plain, profile(&[("Station_Name", "sealed")])).expect("a file");
    let done = Command::new("openssl")
        .args(["enc", "-e", "-aes-256-cbc", "-k", PASSWORD, "-in"])
        .arg(&plain)
        .arg("-out")
        .arg(&sealed)
        .stderr(Stdio::null())
        .status();
    assert!(done.expect("openssl runs").success());
    std::fs::remove_file(plain).expect("a file");
}

#[tokio::test]
async fn the_rules_key_or_the_phones_own_opens_its_profile() {
    let folder = tempfile::tempdir().expect("a folder");
    seal(folder.path());
    let key_file = folder.path().join("seal.key");
    std::fs::write(&key_file, format!("{PASSWORD}\n")).expect("a file");
    let nps = provider(Content::Folder(folder.path().to_owned())).await;
    let url = format!("http://{}/profile.cfg", nps.address());
    let own = || Some(SealKey::from_file(&key_file).expect("a key"));
    for (rule, seal_key, outcome) in [
        (format!("[--key {PASSWORD}] {url}"), None, Outcome::Acquired),
        (format!("[--key \"{PASSWORD}\"] {url}"), None, Outcome::Acquired),
        (url.clone(), own(), Outcome::Acquired),
        (format!("[--key {PASSWORD}] {url}"), own(), Outcome::Acquired),
        (url.clone(), None, Outcome::ResyncFailed),
        (format!("[--key another] {url}"), own(), Outcome::ResyncFailed),
    ] {
        let rc = sending_to(&rule).await;
        let walk = walk(PhoneConfig { seal_key, ..asking(&rc) }).await;
        assert_eq!(walk.outcome(), outcome, "{}", walk.printed());
        assert!(!walk.printed().contains(PASSWORD), "{}", walk.printed());
        assert_eq!(walk.printed().contains("opens its seal (aes-256-cbc)"), outcome == Outcome::Acquired);
        if outcome == Outcome::ResyncFailed {
            assert_eq!(walk.failures(), [(Class::B, Some(200), Some(60))]);
        }
    }
}

#[test]
fn a_key_file_that_is_empty_or_missing_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("seal.key");
    assert!(SealKey::from_file(&file).expect_err("missing").to_string().contains("seal.key"));
    std::fs::write(&file, "\n").expect("a file");
    assert!(SealKey::from_file(&file).expect_err("empty").to_string().contains("it is empty"));
}
