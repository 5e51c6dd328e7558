//! Finding phones among some hundred.

use serde_json::{Value, json};

use crate::support::{Curl, Provider, Server};

/// How many phones are registered, of which every third goes to the second profile.
const PHONES: u32 = 300;

fn mac(n: u32) -> String {
    format!("00562b0{n:05x}")
}

/// A provider with its phones; and another with one phone between them, which it must never see.
fn fleet(server: &Server) -> (Provider, String) {
    let acme = server.provider("acme");
    acme.profile(server, "main", "https://nps.example/$MA.xml");
    let second = acme.profile(server, "second", "https://nps.example/$MA.xml");
    let put = |n: u32| {
        let profile = if n.is_multiple_of(3) { "second" } else { "main" };
        let model = if n.is_multiple_of(2) { "CP-7832-3PCC" } else { "CP-8841-3PCC" };
        let body = json!({"profile": profile, "model": model, "serial": format!("FCH{n:04}"), "note": format!("Room {n}, 100%_")});
        acme.ask(server, &format!("/v1/devices/{}", mac(n))).method("PUT").json(&body.to_string())
    };
    // Not in order: the list is.
    let order = (0..PHONES).rev();
    for answer in Curl::send_all(order.map(put).collect()) {
        answer.expect(201);
    }
    let globex = server.provider("globex");
    globex.profile(server, "main", "https://globex.example/$MA.xml");
    globex.register(server, &mac(1000), "main", &json!({"note": "Room 7"})).expect(201);
    (acme, second)
}

/// The numbers of all phones that the filter finds, page by page; and how many pages it took.
#[track_caller]
fn found(server: &Server, acme: &Provider, query: &str) -> (Vec<u32>, usize) {
    let (mut numbers, mut pages, mut after) = (Vec::new(), 0, String::new());
    loop {
        let page = acme.ask(server, &format!("/v1/devices?{query}{after}")).send().expect(200).json();
        let number = |device: &Value| {
            let mac = device["mac"].as_str().expect("a MAC");
            u32::from_str_radix(&mac[7..], 16).expect("its number")
        };
        numbers.extend(page["devices"].as_array().expect("devices").iter().map(number));
        pages += 1;
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return (numbers, pages),
        }
    }
}

#[test]
fn a_list_is_read_page_by_page_and_by_every_filter() {
    let server = Server::start();
    let (acme, second) = fleet(&server);
    let asking: Vec<_> = (0..PHONES).filter(|n| n % 10 == 0).collect();
    for answer in Curl::send_all(asking.iter().map(|n| server.ask_plainly(&format!("/{}.cfg", mac(*n)))).collect()) {
        assert!(answer.expect(200).body.contains("Profile_Rule"));
    }

    let those = |wanted: &dyn Fn(u32) -> bool| (0..PHONES).filter(|n| wanted(*n)).collect::<Vec<_>>();
    let cases: [(String, Vec<u32>, usize); 16] = [
        (String::new(), those(&|_| true), 3),
        ("limit=300".into(), those(&|_| true), 1),
        ("limit=7".into(), those(&|_| true), 43),
        (format!("limit=50&profile={second}"), those(&|n| n % 3 == 0), 2),
        ("model=CP-7832-3PCC&limit=1000".into(), those(&|n| n % 2 == 0), 1),
        ("model=cp-7832-3pcc&limit=1000".into(), those(&|n| n % 2 == 0), 1),
        ("model=CP-9999&limit=1000".into(), vec![], 1),
        // Other phones follow, which are not looked at for a page that is full.
        ("state=Custom%20Pending&limit=30".into(), asking.clone(), 2),
        ("state=custom-pending&limit=4".into(), asking.clone(), 8),
        ("state=open&limit=1000".into(), those(&|n| n % 10 != 0), 1),
        ("state=acquired".into(), vec![], 1),
        ("text=FCH0007".into(), vec![7], 1),
        ("text=room%207,".into(), vec![7], 1),
        ("text=00:56:2B:00:00:2A".into(), vec![42], 1),
        ("text=100%25_".into(), those(&|_| true), 3),
        (
            format!("state=custom+pending&profile={second}&model=CP-7832-3PCC&text=FCH&limit=5"),
            those(&|n| n % 30 == 0),
            3,
        ),
    ];
    for (query, wanted, pages) in cases {
        assert_eq!(found(&server, &acme, &query), (wanted, pages), "{query}");
    }
    // A cursor is a MAC in any spelling, and need not be a phone's.
    assert_eq!(found(&server, &acme, "limit=500&after=00:56:2B:00:01:00").0, (0x101..PHONES).collect::<Vec<_>>());
}

#[test]
fn a_query_that_is_not_understood_is_refused() {
    let server = Server::start();
    let acme = server.provider("acme");
    acme.profile(&server, "main", "https://nps.example/$MA.xml");
    acme.register(&server, &mac(1), "main", &json!({})).expect(201);
    let timeline = format!("/v1/devices/{}/timeline", mac(1));
    let cases = [
        ("/v1/devices?stat=open", "unknown field `stat`"),
        ("/v1/devices?state=ringing", "expected one of Open"),
        ("/v1/devices?profile=main", "profile: "),
        ("/v1/devices?after=x", "after: not a MAC address"),
        ("/v1/devices?limit=0", "from 1 to 1000"),
        ("/v1/devices?limit=1001", "from 1 to 1000"),
        ("/v1/devices?limit=1&limit=2", "duplicate field"),
        ("/v1/profiles?name=x", "unknown field `name`"),
        ("/v1/profiles?after=x", "after: "),
        (&format!("{timeline}?after=1"), "unknown field `after`"),
        (&format!("{timeline}?before=x"), "before"),
    ];
    for (path, said) in cases {
        let problem = acme.ask(&server, path).send().problem(400, "invalid_query");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(said)), "{path}: {problem}");
    }
    let long = acme.ask(&server, &format!("/v1/devices?text={}", "x".repeat(101))).send();
    long.problem(400, "invalid_text");
}
