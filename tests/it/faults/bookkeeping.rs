//! A database cannot be written: phones are answered as ever, what happens to them waits, and providers
//! are told.

use serde_json::json;

use crate::support::{Curl, Hold, Metrics, Provider, Question, Server, Settings, eventually};

const MAC: &str = "00562b043615";
const WAITING: &str = "dialtone_observations_waiting";
const QUEUED: &str = "dialtone_observations_queued";
const QUEUE_WORKS: &str = "dialtone_queue_works";
const LOST: &str = "dialtone_observations_lost_total";

fn provider_with_a_phone(server: &Server) -> Provider {
    let provider = server.provider("acme");
    provider.profile(server, "main", "https://nps.example/$MA.xml");
    provider.register(server, MAC, "main", &json!({})).expect(201);
    nothing_waits(server);
    provider
}

fn nothing_waits(server: &Server) {
    eventually("the end of the waiting", || (Metrics::of(server).value(WAITING) == 0).then_some(()));
}

/// The phone asks, with `number` as its firmware, and gets its profile, which is returned.
fn ask(server: &Server, number: usize) -> String {
    ask_at(server, "/software/edos/callhome/rc", number)
}

fn ask_at(server: &Server, door: &str, number: usize) -> String {
    let line = format!("GET {door}?id={MAC}&sw=1.0.{number}");
    let (status, body) = Question { line: &line, token: "", body: "" }.put_to(&server.http).expect("an answer");
    assert!(status == 200 && body.contains("https://nps.example/$MA.xml"), "{number}: {status} {body}");
    body
}

fn report(server: &Server, profile: &str) -> (u16, String) {
    let (_, place) = profile.split_once("/report/").expect("a place to report to");
    let line = format!("POST /report/{}", place.split('<').next().unwrap_or_default());
    let event = r#"{"event":"resync_failed","class":"B","status":404,"retry_in_seconds":60}"#;
    Question { line: &line, token: "", body: event }.put_to(&server.http).expect("an answer")
}

/// The firmwares with which the phone asked, as the timeline has them, oldest first.
fn asked(provider: &Provider, server: &Server) -> Vec<String> {
    let timeline = provider.timeline(server, MAC);
    let questions = timeline.iter().filter_map(|entry| entry["asked"].as_str());
    questions
        .filter_map(|question| question.rsplit_once("firmware="))
        .map(|(_, firmware)| firmware.to_owned())
        .collect()
}

fn firmwares(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("1.0.{number}")).collect()
}

#[test]
fn phones_are_answered_while_nothing_can_be_recorded_and_nothing_is_forgotten() {
    let server = Server::start();
    let provider = provider_with_a_phone(&server);
    let hold = Hold::on(&server, "customization");
    let profiles: Vec<String> = (0..50).map(|number| ask(&server, number)).collect();
    assert_eq!(report(&server, &profiles[49]).0, 202);
    // The provider can go on as well.
    provider.register(&server, "00562b043616", "main", &json!({})).expect(201);
    let stated = provider.ask(&server, &format!("/v1/devices/{MAC}/timeline")).json(r#"{"event":"factory_reset"}"#);
    assert_eq!(stated.send().expect(202).json(), json!({"recorded": false}));
    // 50 questions with their answers, a report, an association, a statement.
    let metrics = Metrics::of(&server);
    assert_eq!((metrics.value(WAITING), metrics.value(QUEUED), metrics.value(LOST)), (103, 103, 0));
    assert_eq!(asked(&provider, &server), Vec::<String>::new());
    let ready = Curl::get(&format!("{}/health/ready", server.internal)).send().expect(200).json();
    assert_eq!((&ready["status"], &ready["services"]["customization"]), (&json!("degraded"), &json!("away")));
    assert_eq!(ready["services"]["queue"], "ok");

    hold.release();
    nothing_waits(&server);
    assert_eq!(asked(&provider, &server), firmwares(0..50));
    let story = provider.story(&server, MAC);
    assert_eq!(story.len(), 1 + 100 + 2, "{story:?}");
    assert_eq!(
        story[101..],
        ["resync_failed Custom Pending>Custom Pending reported", "factory_reset Custom Pending>Open stated"]
    );
    assert_eq!(provider.story(&server, "00562b043616"), ["associated Open>Open stated"]);
    // And everything is as before.
    let profile = ask(&server, 50);
    assert_eq!(asked(&provider, &server), firmwares(0..51));
    assert_eq!(report(&server, &profile), (200, "recorded\n".to_owned()));
    let ready = Curl::get(&format!("{}/health/ready", server.internal)).send().expect(200).json();
    assert_eq!(ready["status"], "ready");
}

#[test]
fn what_was_answered_outlives_every_crash_while_nothing_can_be_recorded() {
    let mut server = Server::start();
    let provider = provider_with_a_phone(&server);
    // Killed also while it delivers what the life before has left.
    for life in 0..4 {
        let hold = Hold::on(&server, "customization");
        for number in 0..20 {
            ask(&server, 20 * life + number);
        }
        server.kill("KILL");
        server.end();
        hold.release();
        server = server.again();
    }
    nothing_waits(&server);
    assert_eq!(asked(&provider, &server), firmwares(0..80));
    // Each question with its answer, once.
    assert_eq!(provider.story(&server, MAC).len(), 1 + 160);
    let metrics = Metrics::of(&server);
    assert_eq!((metrics.value(QUEUED), metrics.value(LOST)), (0, 0));
    assert!(server.log().contains("holds observations of an earlier run"));
}

#[test]
fn what_does_not_fit_is_lost_and_counted_and_phones_are_answered() {
    // A long way to ask, so that few questions fill the smallest queue.
    let door = format!("/{}", "far".repeat(1_000));
    let toml = format!("[phones]\nqueue_mebibytes = 1\ndoors = [\"/software/edos/callhome/rc\", \"{door}\"]\n");
    let server = Server::start_with(Settings { toml });
    let provider = provider_with_a_phone(&server);
    let hold = Hold::on(&server, "customization");
    let mut profile = String::new();
    for number in 0..400 {
        profile = ask_at(&server, &door, number);
    }
    // A report is smaller, but the last room is taken soon; then none is acknowledged: the phone is to try again.
    let reports = 1 + (0..100).take_while(|_| report(&server, &profile).0 == 202).count() as u64;
    let metrics = Metrics::of(&server);
    assert!(metrics.value(LOST) > 0 && metrics.value(WAITING) > 0, "{metrics:?}");
    // 400 questions with their answers, and the reports.
    assert_eq!(metrics.value(LOST) + metrics.value(WAITING), 800 + reports);
    assert_eq!(report(&server, &profile).0, 503);
    assert_eq!(server.log().matches("too much waits to be recorded").count(), 1);

    hold.release();
    nothing_waits(&server);
    let recorded = asked(&provider, &server);
    assert_eq!(recorded, firmwares(0..recorded.len()), "the first ones are kept, in order");
    assert_eq!(Metrics::of(&server).value(LOST), 800 - 2 * recorded.len() as u64 + 2);
    assert_eq!(report(&server, &profile).0, 200);
}

#[test]
fn a_disk_that_fails_as_well_keeps_no_phone_waiting() {
    let server = Server::start();
    let provider = provider_with_a_phone(&server);
    let holds = ["customization", "queue"].map(|database| Hold::on(&server, database));
    for number in 0..50 {
        ask(&server, number);
    }
    let metrics = Metrics::of(&server);
    assert_eq!((metrics.value(WAITING), metrics.value(QUEUED), metrics.value(QUEUE_WORKS)), (100, 0, 0));
    let ready = Curl::get(&format!("{}/health/ready", server.internal)).send().expect(200).json();
    assert_eq!((&ready["status"], &ready["services"]["queue"]), (&json!("degraded"), &json!("away")));
    assert!(server.log().contains("the queue on disk fails"));

    for hold in holds {
        hold.release();
    }
    nothing_waits(&server);
    assert_eq!(asked(&provider, &server), firmwares(0..50));
    assert_eq!(Metrics::of(&server).value(LOST), 0);
}

#[test]
fn phones_are_answered_where_the_queue_cannot_be_opened() {
    let server = Server::prepared(Settings::default(), |data| {
        std::fs::create_dir_all(data.join("databases")).expect("a folder");
        std::fs::write(data.join("databases/queue.db"), "torn by a power cut".repeat(1_000)).expect("a file");
    });
    let log = server.log();
    assert!(log.contains("the queue on disk cannot be opened") && log.contains("queue.db"), "{log}");
    assert_eq!(Metrics::of(&server).value(QUEUE_WORKS), 0);
    let ready = Curl::get(&format!("{}/health/ready", server.internal)).send().expect(200).json();
    assert_eq!((&ready["status"], &ready["services"]["queue"]), (&json!("degraded"), &json!("away")));

    let provider = provider_with_a_phone(&server);
    let hold = Hold::on(&server, "customization");
    let profile = (0..20).fold(String::new(), |_, number| ask(&server, number));
    assert_eq!(report(&server, &profile).0, 202);
    hold.release();
    nothing_waits(&server);
    assert_eq!(asked(&provider, &server), firmwares(0..20));
}

#[test]
fn a_server_that_stops_keeps_what_it_could_not_record() {
    let mut server = Server::start();
    let provider = provider_with_a_phone(&server);
    let hold = Hold::on(&server, "customization");
    for number in 0..50 {
        ask(&server, number);
    }
    assert!(server.stop().success());
    let log = server.log();
    assert!(log.contains("\"count\":100") && log.contains("stay in the queue on disk"), "{log}");
    assert!(log.contains("\"stopped\"") && !log.contains("panicked"));

    hold.release();
    let server = server.again();
    nothing_waits(&server);
    assert_eq!(asked(&provider, &server), firmwares(0..50));
}

#[test]
fn a_server_that_stops_says_what_it_could_neither_record_nor_keep() {
    let mut server = Server::start();
    let provider = provider_with_a_phone(&server);
    let holds = ["customization", "queue"].map(|database| Hold::on(&server, database));
    // More than go into two batches.
    for number in 0..600 {
        ask(&server, number);
    }
    assert!(server.stop().success());
    let log = server.log();
    let lost: Vec<serde_json::Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|event: &serde_json::Value| {
            event["message"].as_str().is_some_and(|message| message.starts_with("observations are lost"))
        })
        .collect();
    assert_eq!(lost.iter().filter_map(|event| event["count"].as_u64()).sum::<u64>(), 1200);
    // It tries once, and does not go on to try with each batch: stopping takes seconds, not minutes.
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(log.contains("\"stopped\"") && !log.contains("panicked"));

    for hold in holds {
        hold.release();
    }
    let server = server.again();
    assert_eq!(provider.story(&server, MAC), ["associated Open>Open stated"]);
    ask(&server, 0);
    assert_eq!(asked(&provider, &server), firmwares(0..1));
}

#[test]
fn phones_are_answered_from_memory_while_their_owners_cannot_change_anything() {
    let server = Server::start();
    let provider = provider_with_a_phone(&server);
    let hold = Hold::on(&server, "redirection");
    let refused = provider.register(&server, "00562b043616", "main", &json!({}));
    // Between processes, the time to answer may be over before the database's.
    assert!(matches!(refused.status, 503 | 504), "{refused:?}");
    let refused = refused.json();
    assert!(refused["request_id"].is_string() && refused["detail"].is_string(), "{refused}");
    ask(&server, 0);
    let device = |mac: &str| provider.ask(&server, &format!("/v1/devices/{mac}")).send();
    device(MAC).expect(200);

    hold.release();
    device("00562b043616").expect(404);
    assert_eq!(server.ask("/00562b043616.cfg").send().expect(200).body, "");
    provider.register(&server, "00562b043616", "main", &json!({})).expect(201);
    assert!(server.ask("/00562b043616.cfg").send().expect(200).body.contains("Profile_Rule"));
    assert_eq!(asked(&provider, &server), firmwares(0..1));
}
