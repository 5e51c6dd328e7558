//! `kill -9` at any moment loses no acknowledged write and leaves a data folder that starts.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::{Sender, channel};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Demo, Provider, Question, Server};

/// How many write at the same time.
const WORKERS: u64 = 4;
/// After how many acknowledgements each life of the server ends; thrown once with dice.
const LIVES: [usize; 5] = [7, 94, 31, 58, 1];

/// The last thing that the server has acknowledged of a phone, and so may never forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// It belongs to the provider.
    Registered,
    /// It was sent to its provider.
    Redirected,
    /// Its report was recorded.
    Reported,
}

impl Told {
    /// What its timeline must hold, once each.
    fn entries(self) -> &'static [&'static str] {
        const ALL: [&str; 4] =
            ["associated Open", "asked Pending", "answered_with_provider Custom Pending", "resync_succeeded Acquired"];
        match self {
            Self::Registered => &ALL[..1],
            Self::Redirected => &ALL[..3],
            Self::Reported => &ALL,
        }
    }
}

/// What was acknowledged, by phone.
type Phones = BTreeMap<String, Told>;

#[test]
fn what_was_acknowledged_survives_every_crash() {
    let mut server = Server::start();
    let provider = server.provider("acme");
    provider.profile(&server, "main", "https://nps.example/$MA.xml");
    let mut phones = Phones::new();
    for (number, acknowledgements) in (0..).zip(LIVES) {
        let told = told_until_killed(&server, &provider, Life { number, acknowledgements });
        server = server.crash_and_restart();
        check(&server, &provider, &told);
        phones.extend(told);
    }
    check(&server, &provider, &phones);
    // One that was being registered when the server died is there as a whole, or not at all.
    let there = all_phones(&server, &provider);
    let in_doubt = LIVES.len() * usize::try_from(WORKERS).expect("a few");
    assert!((phones.len()..=phones.len() + in_doubt).contains(&there.len()), "{} of {}", there.len(), phones.len());
    for mac in &there {
        story(&server, &provider, mac);
    }
    assert!(!server.log().contains("panicked"));
}

#[derive(Clone, Copy)]
struct Life {
    number: u64,
    acknowledgements: usize,
}

/// Keeps the server busy, kills it when it has acknowledged enough, and says what it acknowledged.
fn told_until_killed(server: &Server, provider: &Provider, life: Life) -> Phones {
    let (tell, told) = channel();
    let all: Vec<(String, Told)> = std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let tell = tell.clone();
            let first = 0x0056_2b00_0000 | life.number << 16 | worker << 12;
            scope.spawn(move || {
                (first..).try_for_each(|mac| a_phones_life(server, provider, &Reporter { mac, tell: &tell }))
            });
        }
        drop(tell);
        let mut all: Vec<_> = told.iter().take(life.acknowledgements).collect();
        server.kill("KILL");
        all.extend(told.iter());
        all
    });
    assert!(all.len() >= life.acknowledgements, "{all:?}");
    // The later word of a phone takes the place of the earlier one.
    all.into_iter().collect()
}

/// One phone, and who wants to know what was acknowledged of it.
struct Reporter<'a> {
    mac: u64,
    tell: &'a Sender<(String, Told)>,
}

/// Registers a phone, asks as the phone, and reports as the phone. `None` as soon as nobody answers.
fn a_phones_life(server: &Server, provider: &Provider, reporter: &Reporter) -> Option<()> {
    let mac = format!("{:012x}", reporter.mac);
    let tell = |told| reporter.tell.send((mac.clone(), told)).expect("the test listens");
    let put = format!("PUT /v1/devices/{mac}");
    let registration = Question { line: &put, token: &provider.login.token, body: r#"{"profile":"main"}"# };
    let (status, body) = registration.put_to(&server.http)?;
    assert_eq!(status, 201, "{body}");
    tell(Told::Registered);

    let ask = format!("GET /{mac}.cfg");
    let (status, profile) = Question { line: &ask, token: "", body: "" }.put_to(&server.http)?;
    assert!(status == 200 && profile.contains("https://nps.example/$MA.xml"), "{status} {profile}");
    tell(Told::Redirected);

    let (_, place) = profile.split_once("/report/").expect("a place to report to");
    let report = format!("POST /report/{}", place.split('<').next().unwrap_or_default());
    let succeeded = Question { line: &report, token: "", body: r#"{"event":"resync_succeeded"}"# };
    match succeeded.put_to(&server.http)? {
        (200, _) => tell(Told::Reported),
        // Taken, and nothing promised.
        (202, _) => {}
        answer => panic!("{answer:?}"),
    }
    Some(())
}

/// Nothing acknowledged is missing.
fn check(server: &Server, provider: &Provider, phones: &Phones) {
    // On a slow disk the timeline may follow after the answer; then it was not promised.
    let log = server.log();
    let late: Vec<&str> = log.lines().filter(|line| line.contains("answered before it was recorded")).collect();
    for (mac, told) in phones {
        let story = story(server, provider, mac);
        let is_there = |wanted: &&str| story.iter().filter(|entry| entry == wanted).count() == 1;
        let is_late = late.iter().any(|line| line.contains(mac));
        assert!(is_late || told.entries().iter().all(is_there), "{mac} {told:?}: {story:?}");
    }
}

fn read(server: &Server, provider: &Provider, path: &str) -> Value {
    let line = format!("GET {path}");
    let question = Question { line: &line, token: &provider.login.token, body: "" };
    let (status, body) = question.put_to(&server.http).expect("an answer");
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).expect("JSON")
}

/// The phone's timeline as `event state`, oldest first, without gaps or refusals, and as long as the
/// phone says it is.
fn story(server: &Server, provider: &Provider, mac: &str) -> Vec<String> {
    assert_eq!(read(server, provider, &format!("/v1/devices/{mac}"))["mac"], mac);
    let entries = read(server, provider, &format!("/v1/devices/{mac}/timeline"))["entries"].take();
    let entries = entries.as_array().expect("entries");
    let numbers: Vec<u64> = entries.iter().rev().filter_map(|entry| entry["number"].as_u64()).collect();
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "{mac}: {numbers:?}");
    let state = read(server, provider, &format!("/v1/devices/{mac}/customization"));
    assert_eq!(state["entries"], numbers.len(), "{mac}");
    assert!(entries.iter().all(|entry| entry["refused"].is_null()), "{entries:?}");
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    entries.iter().rev().map(|entry| format!("{} {}", word(&entry["event"]), word(&entry["to"]))).collect()
}

fn all_phones(server: &Server, provider: &Provider) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut after = String::new();
    loop {
        let page = read(server, provider, &format!("/v1/devices?limit=100&after={after}"));
        let macs = page["devices"].as_array().expect("phones").iter().filter_map(|phone| phone["mac"].as_str());
        all.extend(macs.map(str::to_owned));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => return all,
        }
    }
}

#[test]
fn a_first_start_that_was_killed_is_finished_by_the_second() {
    // The first two are printed during the set-up; then come the journey and the end.
    for line in ["is empty; setting up", "made a development authority", "A phone is taken from its box", "Serving."] {
        let folder = TempDir::new().expect("a folder");
        let first = Demo::on(&folder);
        first.until(line);
        first.crash();

        let second = Demo::on(&folder);
        let https = second.https();
        let devices = second.ask(&https, "/v1/devices").send().expect(200).json();
        assert_eq!(devices["devices"].as_array().map(Vec::len), Some(3), "killed at {line:?}: {devices}");
        let mode = std::fs::metadata(second.data().join("demo.json")).expect("demo.json").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "killed at {line:?}");
        let left: Vec<_> = std::fs::read_dir(second.data()).expect("the folder").filter_map(Result::ok).collect();
        assert!(left.iter().all(|entry| !entry.file_name().to_string_lossy().ends_with(".new")), "{left:?}");
        let redirected = second.ask(&https, "/00562b043616.cfg").send().expect(200);
        assert!(redirected.body.contains("Profile_Rule"), "killed at {line:?}: {redirected:?}");
        let story = second.ask(&https, "/v1/devices/00562b043616/timeline").send().expect(200).json();
        assert_eq!(story["entries"][0]["event"], json!("answered_with_provider"), "killed at {line:?}");
    }
}
