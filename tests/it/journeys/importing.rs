//! An engineer has boxes full of phones and a file of their labels.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::support::{Answer, Curl, Provider, Server};

const FIRST: u64 = 0x0056_2b00_0000;

/// Somebody with a profile "main" and its file.
fn stage() -> (Server, Provider) {
    let server = Server::start();
    let acme = server.provider("acme");
    acme.profile(&server, "main", "https://nps.example/$MA.xml");
    (server, acme)
}

fn import(provider: &Provider, server: &Server, (query, file): (&str, &str)) -> Answer {
    csv(provider.ask(server, &format!("/v1/devices/import{query}")), file).send()
}

fn csv(curl: Curl, file: &str) -> Curl {
    curl.form(file).header("Content-Type: text/csv")
}

fn mac(number: u64) -> String {
    format!("{:012x}", FIRST + number)
}

/// How many rows came to what.
fn counts(answer: &Value) -> [u64; 4] {
    ["created", "changed", "unchanged", "refused"].map(|name| answer[name].as_u64().expect("a number"))
}

#[test]
fn a_file_of_labels_makes_phones_ones_own_and_bad_rows_stop_no_good_ones() {
    let (server, acme) = stage();
    let other = server.provider("other");
    other.profile(&server, "main", "https://other.example/");
    other.register(&server, &mac(5), "main", &json!({})).expect(201);
    let file = format!(
        "\u{feff}mac,profile,serial,model,note\r\n{},main,FCH1,CP-7832,\"desk 2, Zoë's\"\r\n\r\nx,main,,,\n{},Main,,,\n\
         {},nowhere,,,\n{},main,,,\n{},main\n{},main,é,,\n{},main,,,",
        mac(1),
        mac(2),
        mac(3),
        mac(5),
        mac(6),
        mac(7),
        mac(1),
    );
    let tried = import(&acme, &server, ("?dry_run=true", &file)).expect(200).json();
    acme.ask(&server, &format!("/v1/devices/{}", mac(1))).send().expect(404);
    let done = import(&acme, &server, ("", &file)).expect(200).json();
    assert_eq!((tried["dry_run"].as_bool(), done["dry_run"].as_bool()), (Some(true), Some(false)));
    assert_eq!((counts(&done), &done["refused_rows"]), (counts(&tried), &tried["refused_rows"]));
    assert_eq!(counts(&done), [2, 0, 0, 6]);
    let rows = done["refused_rows"].as_array().expect("rows").iter();
    let mut rows: Vec<_> = rows.map(|row| (row["line"].as_u64(), row["reason"].as_str().expect("a word"))).collect();
    rows.sort_unstable();
    let wanted = [
        (4, "invalid_mac"),
        (6, "unknown_profile"),
        (7, "device_owned_by_other"),
        (8, "invalid_row"),
        (9, "invalid_serial"),
        (10, "repeated_mac"),
    ];
    assert_eq!(rows, wanted.map(|(line, reason)| (Some(line), reason)));

    let phone = acme.ask(&server, &format!("/v1/devices/{}", mac(1))).send().expect(200).json();
    assert_eq!((&phone["serial"], &phone["note"]), (&json!("FCH1"), &json!("desk 2, Zoë's")));
    let told = server.ask_plainly(&format!("/{}.cfg", mac(2))).send().expect(200).body;
    assert!(told.contains("nps.example"), "{told}");
    assert_eq!(counts(&import(&acme, &server, ("", &file)).expect(200).json()), [0, 0, 2, 6], "again");
    let acts = acme.ask(&server, "/v1/audit?verb=device.import").send().expect(200).json();
    assert_eq!(acts["acts"].as_array().map(Vec::len), Some(1), "one act for all: {acts}");
    assert_eq!(acts["acts"][0]["detail"]["created"], 2, "{acts}");
}

#[test]
fn what_is_no_file_of_phones_is_refused_whole_and_the_answer_arrives() {
    let (server, acme) = stage();
    let import = |file: &str| import(&acme, &server, ("", file));
    import("").problem(400, "invalid_header");
    import("0004f2aabbcc,main\n").problem(400, "invalid_header");
    acme.ask(&server, "/v1/devices/import").json("[]").send().problem(400, "invalid_content_type");
    acme.ask(&server, "/v1/devices/import?dry=1").form("mac,profile\n").send().expect(400);
    // Whoever is refused has sent a megabyte by then.
    let mut long = String::from("color,shape\n");
    for number in 0..40_000 {
        writeln!(long, "{},a row that nobody will read", mac(number)).expect("text");
    }
    import(&long).problem(400, "invalid_header");
    csv(server.ask("/v1/devices/import"), &long).send().problem(401, "token_missing");
    server.operator().freeze(&server, &acme.id, true).expect(200);
    import(&format!("mac,profile\n{},main\n", mac(1))).expect(403);
}

#[test]
fn twelve_thousand_phones_are_imported_and_those_that_were_heard_of_have_it_on_their_timelines() {
    let (server, acme) = stage();
    for number in [10, 11_000] {
        server.ask_plainly(&format!("/{}.cfg", mac(number))).send().expect(200);
    }
    // From another box each time, so that they are sorted on the way.
    let mut file = String::from("mac,profile,note\n");
    for number in 0..12_000 {
        writeln!(file, "{},main,box {}", mac(number * 7 % 12_000), number % 40).expect("text");
    }
    let done = import(&acme, &server, ("", &file)).expect(200).json();
    assert_eq!((counts(&done), done["not_noted"].as_u64()), ([12_000, 0, 0, 0], Some(0)));
    for number in [10, 11_000] {
        let timeline = acme.timeline(&server, &mac(number));
        assert!(timeline.iter().any(|entry| entry["event"] == "associated"), "{timeline:?}");
    }
    assert!(acme.timeline(&server, &mac(11)).is_empty(), "nothing has happened to it");
    let history = acme.ask(&server, &format!("/v1/devices/{}/history", mac(11))).send().expect(200).json();
    assert!(history.to_string().contains("claimed"), "{history}");
    let page = acme.ask(&server, &format!("/v1/devices?limit=2&after={}", mac(11_997))).send().expect(200).json();
    assert_eq!(page["devices"].as_array().map(Vec::len), Some(2));
}
