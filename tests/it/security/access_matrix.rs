//! Every route, with every method, for every caller: the status each gets, compared with
//! `tests/golden/access_matrix.txt`.

mod caller;
mod request;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write;

use caller::CALLERS;
use world::World;

use crate::support::{Answer, Curl, repository};

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS", "TRACE", "DELETE"];

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
    assert!(routes.len() > 50, "{routes:?}");
    let cells: Vec<_> = routes.iter().flat_map(|route| METHODS.map(|method| (route, method))).collect();
    // What is deleted is deleted last, and what belongs to something before that.
    let (mut deletes, others): (Vec<_>, Vec<_>) = (0..cells.len()).partition(|at| cells[*at].1 == "DELETE");
    deletes.reverse();
    let mut table = vec![Vec::new(); cells.len()];
    for part in [others, deletes] {
        for (caller, token) in world.callers() {
            let asks = (caller, token.as_deref());
            let requests = part.iter().map(|at| request::of(&world, asks, cells[*at]));
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
         # forged: signature altered; none: not signed; hs256: signed with the public key; wrong_aud: signed by us, for\n\
         # another use; stranger: another provider; reseller: stands above the owner, and acts for it; for_it: an\n\
         # operator who acts for it; engineer, read_only: programs of the owner's with that role; frozen: the owner of a\n\
         # frozen tenant; narrowed: a program of the owner's that may only devices:read; owner: a person.\n\
         # {tenant}, {mac}, {profile} and the like are the owner's, of each a fresh one for each caller; {token} is forged.\n\
         # /{mac}.cfg stands for every door.\n\
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
        let callers = CALLERS.map(caller::Caller::name);
        writeln!(text, "  {:<8} {}", "", callers.join(" ")).expect("text");
    }
    for ((_, method), statuses) in rows {
        let cell = |(caller, status): (&caller::Caller, &u16)| format!("{status:<0$}", caller.name().len());
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
