//! Activation codes in every spelling and through every door, after which none of them is where it does not belong.

use serde_json::{Value, json};

use crate::support::{Answer, Collector, Curl, Provider, Server, Settings};

const RULE: &str = "https://nps.example/$MA.xml";
/// A name, which its provider and the database may know; everybody else may not.
const DIRECTORY: &str = "73591846027715";
/// Typed, and nobody's.
const WRONG: [&str; 2] = ["5414011256173816", "83610452957201"];
/// Typed, and no code at all: a letter instead of a digit, and too many digits.
const MALFORMED: [&str; 2] = ["9046172O58317264", "286401957351840267"];
/// Written beside the codes, so that a search that finds nothing can be told from one that is blind.
const NOTE: &str = "note 60718293645546372819";

/// Codes, as digits and whatever else was typed.
#[derive(Default)]
struct Codes(Vec<String>);

impl Codes {
    fn keep(&mut self, code: &str) {
        assert!(digits_in(code).len() >= 12, "too short to be told from other digits");
        self.0.push(code.to_owned());
    }

    /// The code that is in there, however it is spelled.
    fn found_in(&self, bytes: &[u8]) -> Option<&str> {
        let text = String::from_utf8_lossy(bytes);
        // With everything between them gone, digits in groups are as good as bare ones.
        let squeezed = digits_in(&text);
        let is_there = |code: &&String| {
            let digits = digits_in(code);
            let [in_a_list, in_hex] = dumps(&digits);
            squeezed.contains(&digits) || text.contains(&in_a_list) || text.contains(&in_hex)
        };
        self.0.iter().find(is_there).map(String::as_str)
    }

    #[track_caller]
    fn assert_absent_from(&self, place: &str, bytes: &[u8]) {
        assert_eq!(self.found_in(bytes), None, "a code is in {place}");
    }
}

fn digits_in(text: &str) -> String {
    text.bytes().filter(u8::is_ascii_digit).map(char::from).collect()
}

/// As programs print bytes.
fn dumps(digits: &str) -> [String; 2] {
    let written = |write: fn(&u8) -> String| digits.as_bytes().iter().map(write).collect::<Vec<_>>();
    [written(u8::to_string).join(", "), written(|byte| format!("{byte:02x}")).concat()]
}

/// As people and phones write a code.
fn spellings(code: &str) -> [String; 5] {
    let grouped = |between: &str| {
        let groups: Vec<_> = code.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
        groups.join(between)
    };
    let pairs: Vec<_> = code.as_bytes().chunks(2).map(String::from_utf8_lossy).collect();
    [code.to_owned(), grouped("-"), grouped(" "), grouped(" - "), pairs.join(" ")]
}

#[test]
fn a_code_is_found_however_it_is_written() {
    let mut codes = Codes::default();
    codes.keep(WRONG[0]);
    for spelling in spellings(WRONG[0]) {
        assert_eq!(codes.found_in(format!("GET /a/{spelling}?id=1").as_bytes()), Some(WRONG[0]), "{spelling}");
    }
    for dump in dumps(WRONG[0]) {
        assert_eq!(codes.found_in(format!("body: [{dump}]").as_bytes()), Some(WRONG[0]), "{dump}");
    }
    assert_eq!(codes.found_in(b"5414 0112 5617 3817"), None);
}

/// A provider whose phones are onboarded, and all that was typed or made meanwhile.
struct Scene {
    server: Server,
    provider: Provider,
    profile: String,
    /// Personal codes, and what is no code.
    codes: Codes,
    phones: u32,
}

impl Scene {
    fn start(collector: &Collector, filter: &str) -> Self {
        let endpoint = collector.endpoint();
        let log = format!("[log]\nformat = \"json\"\nfilter = {filter:?}\n");
        let server = Server::start_with(Settings { toml: format!("[traces]\notlp_endpoint = {endpoint:?}\n{log}") });
        let provider = server.provider("acme");
        let profile = provider.profile(&server, "main", RULE);
        Self { server, provider, profile, codes: Codes::default(), phones: 0 }
    }

    fn make(&self, more: &Value) -> Curl {
        let mut body = json!({"kind": "personal", "profile": self.profile, "note": NOTE});
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        self.provider.ask(&self.server, "/v1/codes").json(&body.to_string())
    }

    /// Personal codes in the three forms in which they can be had.
    fn personal(&mut self) -> Vec<String> {
        let shown = self.make(&json!({"count": 20})).send().expect(201).json();
        let shown = shown["codes"].as_array().expect("codes");
        let mut codes: Vec<String> =
            shown.iter().map(|code| code["digits"].as_str().expect("digits").to_owned()).collect();
        let file = self.make(&json!({"count": 5})).header("Accept: text/csv").send().expect(201).body;
        codes.extend(file.lines().skip(1).map(|line| digits_in(line.split(',').next().expect("a code"))));
        let page = self.make(&json!({"count": 5})).header("Accept: text/html").send().expect(201).body;
        codes.extend(page.split("<strong>").skip(1).map(|part| digits_in(part.split('<').next().expect("a code"))));
        assert_eq!(codes.len(), 30);
        for code in &codes {
            self.codes.keep(code);
        }
        codes
    }

    /// The answers to a code that is typed at every door, each time on another phone.
    fn type_everywhere(&mut self, code: &str) -> Vec<Answer> {
        let doors: [fn(&Server, &str, &str) -> Curl; 4] = [
            |server, code, mac| {
                let body = json!({"code": code, "mac": mac, "model": "CP-7832-3PCC", "serial": "FCH2034D0PL"});
                server.ask("/activate").json(&body.to_string())
            },
            |server, code, mac| server.ask("/activate").form(&format!("code={}&mac={mac}", escaped(code))),
            |server, code, mac| server.ask_plainly(&format!("/a/{}?id={mac}", escaped(code))),
            |server, code, mac| server.ask(&format!("/a/{}/{mac}.xml", escaped(code))),
        ];
        let answers = doors.map(|door| {
            self.phones += 1;
            door(&self.server, code, &mac(self.phones)).send()
        });
        answers.into()
    }
}

fn escaped(code: &str) -> String {
    code.replace('#', "%23").replace(' ', "%20")
}

/// All of it digits, so that a search for codes would find it too.
fn mac(number: u32) -> String {
    format!("0056210{number:05}")
}

/// Right, used, wrong and malformed, in every spelling and at every door.
fn use_them_all(scene: &mut Scene) -> Vec<Answer> {
    let mut right = scene.personal().into_iter();
    let mut answers = Vec::new();
    for spelling in 0..spellings(DIRECTORY).len() {
        let code = right.next().expect("a code");
        let outcomes = scene.type_everywhere(&spellings(&code)[spelling]);
        // Of four phones with the same code one is onboarded; the others are told nothing.
        let statuses: Vec<u16> = outcomes.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [200, 403, 404, 404], "{outcomes:?}");
        answers.extend(outcomes);
    }
    // Each door opens.
    for door in 0..4 {
        let code = right.next().expect("a code");
        scene.phones += 1;
        let [json, form, path, named] = [
            scene.server.ask("/activate").json(&json!({"code": code, "mac": mac(scene.phones)}).to_string()),
            scene.server.ask("/activate").form(&format!("code={code}&mac={}", mac(scene.phones))),
            scene.server.ask_plainly(&format!("/a/{code}?id={}", mac(scene.phones))),
            scene.server.ask(&format!("/a/{code}/{}.xml", mac(scene.phones))),
        ];
        let curl = [json, form, path, named].into_iter().nth(door).expect("a door");
        answers.push(curl.send().expect(200));
    }
    answers.extend(wrong_ones(scene));
    answers
}

fn wrong_ones(scene: &mut Scene) -> Vec<Answer> {
    let mut answers = Vec::new();
    for code in WRONG {
        scene.codes.keep(code);
        for spelling in spellings(code) {
            answers.extend(scene.type_everywhere(&spelling));
        }
    }
    for code in MALFORMED {
        scene.codes.keep(code);
        let refused = scene.type_everywhere(code);
        assert!(refused.iter().all(|answer| answer.status == 400), "{refused:?}");
        answers.extend(refused);
    }
    answers
}

/// A directory code, which is searched for in other places than a personal one.
fn use_a_name(scene: &mut Scene) -> Codes {
    let body = json!({"kind": "directory", "digits": DIRECTORY, "profile": scene.profile});
    let made = scene.provider.ask(&scene.server, "/v1/codes").json(&body.to_string()).send().expect(201).json();
    assert_eq!(made["state"], "open");
    for spelling in spellings(DIRECTORY) {
        let answers = scene.type_everywhere(&format!("#{spelling}"));
        assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    }
    let mut names = Codes::default();
    names.keep(DIRECTORY);
    names
}

/// What providers and operators are shown of it all.
fn shown(scene: &Scene) -> Vec<(String, String)> {
    let Scene { server, provider, .. } = scene;
    let mut paths = vec!["/v1/codes?kind=personal&limit=1000".to_owned(), "/v1/codes/risk".to_owned()];
    paths.extend((1..=scene.phones).map(|number| format!("/v1/devices/{}/timeline", mac(number))));
    let asked = paths.into_iter().map(|path| (path.clone(), provider.ask(server, &path).send().body));
    let metrics = Curl::get(&format!("{}/metrics", server.internal)).send().expect(200).body;
    asked.chain([("/metrics".to_owned(), metrics)]).collect()
}

fn run_logging(filter: &str) {
    let collector = Collector::start();
    let mut scene = Scene::start(&collector, filter);
    let names = use_a_name(&mut scene);
    // Last, because wrong guesses spend the network's budget.
    let answers = use_them_all(&mut scene);
    for answer in &answers {
        scene.codes.assert_absent_from("an answer to a phone", format!("{answer:?}").as_bytes());
    }
    for (path, text) in shown(&scene) {
        scene.codes.assert_absent_from(&path, text.as_bytes());
        names.assert_absent_from(&path, text.as_bytes());
    }
    let Scene { mut server, codes, .. } = scene;
    // The files as they are in the middle of the work, the journals among them, and as they are afterwards.
    assert_nothing_stored_holds_any(&server, &codes);
    assert!(server.stop().success());
    assert_nothing_stored_holds_any(&server, &codes);

    let (log, sent) = (server.log(), collector.text());
    let mut seen = Codes::default();
    seen.keep(&mac(1));
    for (place, text) in [("the log", &log), ("the spans", &sent)] {
        assert!(seen.found_in(text.as_bytes()).is_some(), "whose code it was is found in {place}");
        codes.assert_absent_from(place, text.as_bytes());
        names.assert_absent_from(place, text.as_bytes());
    }
    assert!(log.contains(&format!("\"level\":\"{}\"", filter.to_uppercase())), "it is logged as asked");
    assert!(sent.contains("onboarding.redeem"), "it is traced as asked");
}

fn assert_nothing_stored_holds_any(server: &Server, codes: &Codes) {
    let mut note = Codes::default();
    note.keep(NOTE);
    let files = server.everything_stored();
    let with_the_note = files.iter().filter(|(_, bytes)| note.found_in(bytes).is_some());
    assert!(with_the_note.count() > 0, "what was written beside the codes is found");
    for (file, bytes) in &files {
        codes.assert_absent_from(&file.display().to_string(), bytes);
    }
}

#[test]
fn no_activation_code_is_where_it_does_not_belong_at_debug() {
    run_logging("debug");
}

#[test]
fn no_activation_code_is_where_it_does_not_belong_at_trace() {
    run_logging("trace");
}
