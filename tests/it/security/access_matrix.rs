//! Every route, with every method, for every caller: the status each gets, compared with
//! `tests/golden/access_matrix.txt`.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::json;

use super::forger::Forger;
use crate::support::{Answer, Curl, Login, Provider, Server, repository};

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS", "TRACE", "DELETE"];
/// The owner comes last: nobody before it may have changed anything.
const CALLERS: [&str; 8] = ["nobody", "forged", "none", "hs256", "expired", "stranger", "operator", "owner"];
const MAC: &str = "00562b043615";

/// A server with somebody of each kind.
struct World {
    server: Server,
    operator: Login,
    owner: Provider,
    stranger: Provider,
    /// A profile of the owner's that no phone goes to, so that it can be deleted.
    spare: String,
    /// A directory code of the owner's that waits for an operator.
    code: String,
    /// What makes a personal code of the owner's.
    new_code: String,
}

impl World {
    fn new() -> Self {
        let server = Server::start();
        let operator = server.operator();
        let [owner, stranger] = ["owner", "stranger"].map(|name| Provider::made_by(&server, &operator, name));
        for provider in [&owner, &stranger] {
            provider.profile(&server, "main", "https://nps.example/$MA.xml");
        }
        let spare = owner.profile(&server, "spare", "https://nps.example/$MA.xml");
        owner.register(&server, MAC, "main", &json!({})).expect(201);
        let coded = owner.profile(&server, "coded", "https://nps.example/$MA.xml");
        let limits = json!({ "registered_only": true });
        let waiting = json!({ "kind": "directory", "digits": "4321", "profile": coded, "limits": limits }).to_string();
        let waiting = owner.ask(&server, "/v1/codes").json(&waiting).send().expect(201).json();
        let code = waiting["id"].as_str().or_else(|| waiting["code"]["id"].as_str()).expect("an id").to_owned();
        let new_code = json!({ "kind": "personal", "profile": coded, "count": 1 }).to_string();
        Self { server, operator, owner, stranger, spare, code, new_code }
    }

    /// The token of each caller, in the order of [`CALLERS`].
    fn tokens(&self) -> [Option<String>; CALLERS.len()] {
        let forger = Forger::new(&self.server, &self.owner.login);
        let [with_the_public_key, ..] = forger.signed_with_the_public_key();
        [
            None,
            Some(forger.altered_signature()),
            Some(forger.unsigned("none")),
            Some(with_the_public_key),
            Some(forger.expired()),
            Some(self.stranger.login.token.clone()),
            Some(self.operator.token.clone()),
            Some(self.owner.login.token.clone()),
        ]
    }

    /// Where the route leads when its variables name what the owner has.
    fn url(&self, route: &Route) -> String {
        let path = route
            .path
            .replace("{mac}", MAC)
            .replace("{profile}", &self.spare)
            .replace("{provider}", &self.owner.id)
            .replace("/v1/codes/{code}", &format!("/v1/codes/{}", self.code))
            .replace("/a/{code}", "/a/4321")
            .replace("{file}", "00562b0436ff.xml")
            .replace("{token}", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA")
            .replace("{*path}", "nothing/here");
        let base = if route.is_internal { &self.server.internal } else { &self.server.https };
        format!("{base}{path}")
    }

    fn request(&self, route: &Route, method: &str, token: Option<&str>) -> Curl {
        let mut curl = Curl::get(&self.url(route)).trusting(&self.server.ca()).method(method);
        if let Some(token) = token {
            curl = curl.header(&format!("Authorization: Bearer {token}"));
        }
        match (route.path.as_str(), method) {
            // Whoever knows a client's secret gets its token; here that is the owner's.
            ("/v1/token", "POST") => {
                let Login { client_id, client_secret, .. } = &self.owner.login;
                let login = format!("client_id={client_id}&client_secret={client_secret}");
                curl.form(&format!("grant_type=client_credentials&{login}"))
            }
            ("/v1/codes", "POST") => curl.json(&self.new_code),
            (path, "POST" | "PUT" | "PATCH") => curl.json(body(path)),
            _ => curl,
        }
    }
}

/// What makes sense there, so that only the caller can be what is wrong.
fn body(path: &str) -> &'static str {
    match path {
        "/v1/profiles" => r#"{"name":"new","profile_rule":"https://nps.example/"}"#,
        "/v1/profiles/{profile}" => r#"{"name":"spare","profile_rule":"https://nps.example/"}"#,
        "/v1/devices/{mac}" => r#"{"profile":"main"}"#,
        "/v1/devices/{mac}/timeline" => r#"{"event":"provisioned_by_dhcp"}"#,
        "/v1/providers" => r#"{"name":"new"}"#,
        "/v1/providers/{provider}/frozen" => r#"{"frozen":false}"#,
        "/v1/codes/{code}" => r#"{"limits":{"registered_only":true}}"#,
        "/v1/codes/{code}/decision" => r#"{"approve":true}"#,
        "/report/{token}" => r#"{"event":"factory_reset"}"#,
        "/activate" => r#"{"code":"5414011256173816","mac":"00562b043615"}"#,
        _ => "{}",
    }
}

/// A route as `routes.rs` writes it.
#[derive(Debug, PartialEq, Eq)]
struct Route {
    path: String,
    is_internal: bool,
}

/// All routes, as they stand in the text of the page that lists them, so that none can be forgotten here.
fn routes() -> Vec<Route> {
    let page = repository().join("services/gateway/src/routes.rs");
    let text = std::fs::read_to_string(page).expect("the page of routes");
    let (public, internal) = text.split_once("pub fn internal_routes").expect("two kinds of routes");
    let of = |text: &str, is_internal: bool| -> Vec<Route> {
        let paths = text.split(".route(").skip(1).map(|rest| {
            let quoted = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'));
            quoted.expect("a path in quotation marks").0.to_owned()
        });
        paths.map(|path| Route { path, is_internal }).collect()
    };
    let mut all = of(public, false);
    // The doors are configuration; one stands for all.
    all.push(Route { path: "/{mac}.cfg".to_owned(), is_internal: false });
    all.extend(of(internal, true));
    all
}

#[test]
fn every_route_answers_every_caller_as_agreed() {
    let world = World::new();
    let routes = routes();
    assert!(routes.len() > 15, "{routes:?}");
    let cells: Vec<_> = routes.iter().flat_map(|route| METHODS.map(|method| (route, method))).collect();
    // What is deleted is deleted last; whoever comes before finds it there.
    let (deletes, others): (Vec<_>, Vec<_>) = (0..cells.len()).partition(|at| cells[*at].1 == "DELETE");
    let mut table = vec![Vec::new(); cells.len()];
    for part in [others, deletes] {
        for token in world.tokens() {
            let requests = part.iter().map(|at| world.request(cells[*at].0, cells[*at].1, token.as_deref()));
            let answers = Curl::send_all(requests.collect());
            for (at, answer) in part.iter().zip(answers) {
                check(cells[*at].0, &answer);
                table[*at].push(answer.status);
            }
        }
    }
    assert_golden(&shown(&cells, &table));
}

/// What holds for every refusal of the API, whatever it is about.
fn check(route: &Route, answer: &Answer) {
    let is_api = route.path.starts_with("/v1/") || route.path.starts_with("/.well-known/");
    if answer.status == 405 {
        assert!(answer.header("allow").is_some_and(|methods| !methods.is_empty()), "{route:?} {answer:?}");
    }
    if answer.status == 401 {
        assert!(answer.header("www-authenticate").is_some(), "{route:?} {answer:?}");
    }
    if is_api && answer.status >= 400 && !answer.body.is_empty() {
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{route:?} {answer:?}");
        assert_eq!(answer.json()["request_id"].as_str(), answer.header("x-request-id"), "{route:?}");
    }
    assert!(answer.status < 500, "{route:?} {answer:?}");
}

fn shown(cells: &[(&Route, &str)], table: &[Vec<u16>]) -> String {
    let mut text = String::from(
        "# Who may do what: the status that each caller gets. Bodies and paths are right; only the caller may be wrong.\n\
         # forged: signature altered; none: not signed; hs256: signed with the public key; stranger: another provider.\n\
         # {mac}, {profile} and {provider} are the owner's; {token} is forged. /{mac}.cfg stands for every door.\n\
         # UPDATE_GOLDEN=1 cargo test -p system-tests access_matrix  writes this file anew; review every 2xx.\n",
    );
    let rows: Vec<_> = cells.iter().zip(table).collect();
    for of_one_route in rows.chunks(METHODS.len()) {
        let route = of_one_route[0].0.0;
        let port = if route.is_internal { " (internal port)" } else { "" };
        writeln!(text, "\n{}{port}", route.path).expect("text");
        write_different(&mut text, of_one_route);
        write_same(&mut text, of_one_route);
    }
    text
}

/// A method and what its callers get.
type Row<'a> = (&'a (&'a Route, &'a str), &'a Vec<u16>);

/// The methods for which it matters who calls.
fn write_different(text: &mut String, rows: &[Row<'_>]) {
    let mut rows = rows.iter().filter(|(_, statuses)| !is_same_for_all(statuses)).peekable();
    if rows.peek().is_some() {
        writeln!(text, "  {:<8} {}", "", CALLERS.join(" ")).expect("text");
    }
    for ((_, method), statuses) in rows {
        let cell = |(name, status): (&&str, &u16)| format!("{status:<0$}", name.len());
        let columns: Vec<_> = CALLERS.iter().zip(*statuses).map(cell).collect();
        writeln!(text, "  {method:<8} {}", columns.join(" ").trim_end()).expect("text");
    }
}

/// Those for which it does not, by status.
fn write_same(text: &mut String, rows: &[Row<'_>]) {
    let mut methods = BTreeMap::<u16, Vec<&str>>::new();
    for ((_, method), statuses) in rows.iter().filter(|(_, statuses)| is_same_for_all(statuses)) {
        methods.entry(statuses[0]).or_default().push(method);
    }
    for (status, methods) in methods {
        writeln!(text, "  everybody {status}: {}", methods.join(" ")).expect("text");
    }
}

fn is_same_for_all(statuses: &[u16]) -> bool {
    statuses.iter().all(|status| *status == statuses[0])
}

fn assert_golden(table: &str) {
    let file = repository().join("tests/golden/access_matrix.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, table).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(table, golden, "review the change, then run UPDATE_GOLDEN=1 cargo test -p system-tests access_matrix");
}
