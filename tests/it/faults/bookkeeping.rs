//! A database cannot be written: phones are answered as ever, what happens to them waits, and providers
//! are told.

use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::runtime::{Builder, Runtime};

use crate::support::{Curl, Metrics, Provider, Question, Server, Settings, eventually};

const MAC: &str = "00562b043615";
const WAITING: &str = "dialtone_observations_waiting";
const LOST: &str = "dialtone_observations_lost_total";

/// Somebody else who writes to a service's database, and does not come to an end.
struct Hold {
    runtime: Runtime,
    connection: SqliteConnection,
}

impl Hold {
    fn on(server: &Server, service: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let options = SqliteConnectOptions::new().filename(server.data().join(format!("databases/{service}.db")));
        let connection = runtime.block_on(async {
            let mut connection = options.connect().await.expect("the database");
            sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.expect("its turn");
            connection
        });
        Self { runtime, connection }
    }

    fn release(self) {
        let Self { runtime, connection } = self;
        runtime.block_on(connection.close()).expect("it lets go");
    }
}

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
    let line = format!("GET /software/edos/callhome/rc?id={MAC}&sw=1.0.{number}");
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
    assert_eq!((metrics.value(WAITING), metrics.value(LOST)), (103, 0));
    assert_eq!(asked(&provider, &server), Vec::<String>::new());
    let ready = Curl::get(&format!("{}/health/ready", server.internal)).send().expect(200).json();
    assert_eq!((&ready["status"], &ready["services"]["customization"]), (&json!("degraded"), &json!("away")));

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
fn what_does_not_fit_is_lost_and_counted_and_phones_are_answered() {
    let server = Server::start_with(Settings { toml: "[phones]\njournal_capacity = 5\n".to_owned() });
    let provider = provider_with_a_phone(&server);
    let hold = Hold::on(&server, "customization");
    let profiles: Vec<String> = (0..40).map(|number| ask(&server, number)).collect();
    // A report is not acknowledged where it would be lost: the phone is to try again.
    assert_eq!(report(&server, &profiles[39]).0, 503);
    let metrics = Metrics::of(&server);
    assert!(metrics.value(LOST) > 0 && metrics.value(WAITING) > 0, "{metrics:?}");
    // 40 questions with their answers, and the report.
    assert_eq!(metrics.value(LOST) + metrics.value(WAITING), 81);

    hold.release();
    nothing_waits(&server);
    let recorded = asked(&provider, &server);
    assert_eq!(recorded, firmwares(0..recorded.len()), "the first ones are kept, in order");
    assert_eq!(Metrics::of(&server).value(LOST), 81 - 2 * recorded.len() as u64);
    assert_eq!(report(&server, &profiles[39]).0, 200);
}

#[test]
fn a_server_that_stops_says_what_it_could_not_record() {
    let mut server = Server::start();
    let provider = provider_with_a_phone(&server);
    let hold = Hold::on(&server, "customization");
    // More than go into two batches.
    for number in 0..600 {
        ask(&server, number);
    }
    assert!(server.stop().success());
    let log = server.log();
    let lost: Vec<serde_json::Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|event: &serde_json::Value| event["message"] == "observations are lost")
        .collect();
    assert_eq!(lost.iter().filter_map(|event| event["count"].as_u64()).sum::<u64>(), 1200);
    // It tries once, and does not go on to try with each batch: stopping takes seconds, not minutes.
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(log.contains("\"stopped\"") && !log.contains("panicked"));

    hold.release();
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
    let refused = provider.register(&server, "00562b043616", "main", &json!({})).expect(503).json();
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
