//! The table of faults in tests/README.md: what each leaves of the service, declared here, seen by the tests, and
//! compared with what is written there.

use std::fmt::Write as _;
use std::time::Duration;

use crate::support::repository;

/// What is tried during a fault, in the order of the columns.
pub const TRIED: [&str; 8] = [
    "known phone asks",
    "unknown phone asks",
    "phone sends a code",
    "phone reports",
    "provider logs in",
    "provider reads a phone",
    "provider registers a phone",
    "provider reads a timeline",
];

/// What each of these is answered.
pub type Cells = [&'static str; 8];

/// As it is without a fault.
pub const HEALTHY: Cells = ["redirected", "nothing", "redeemed", "recorded", "200", "200", "201", "200"];
/// Nobody is there.
pub const NOBODY: Cells = ["no answer"; 8];

/// One fault, and what is seen of it.
pub struct Row {
    pub fault: &'static str,
    pub cells: Cells,
    /// Seconds after the fault within which everything is as it was.
    pub whole: u64,
}

const fn row(fault: &'static str, cells: Cells, whole: u64) -> Row {
    Row { fault, cells, whole }
}

/// Without accounts nobody knows what a provider may do; phones need none of that.
const WITHOUT_ACCOUNTS: Cells = ["redirected", "nothing", "redeemed", "recorded", "503", "503", "503", "503"];
/// Without its only redirection process, nobody knows whose phone it is.
const WITHOUT_REDIRECTION: Cells = ["503", "503", "503", "recorded", "200", "503", "503", "503"];
const WITHOUT_ONBOARDING: Cells = ["redirected", "nothing", "503", "recorded", "200", "200", "201", "200"];
/// What phones report is kept in the gateway's queue, and delivered later.
const WITHOUT_CUSTOMIZATION: Cells = ["redirected", "nothing", "redeemed", "queued", "200", "200", "201", "503"];

/// Redirection answers from memory; everything else needs its database.
const WITHOUT_DATABASES: Cells = ["redirected", "nothing", "503", "queued", "503", "503", "503", "503"];
/// What is read is there; what is written has no room. What phones report is kept in memory.
const WITHOUT_ROOM: Cells = ["redirected", "nothing", "503", "queued", "200", "200", "503", "200"];
/// Who is logged in must log in again.
const TOKENS_EXPIRED: Cells = ["redirected", "nothing", "redeemed", "recorded", "200", "401", "401", "401"];

pub const TABLE: [Row; 30] = [
    row("accounts killed", WITHOUT_ACCOUNTS, 10),
    row("accounts stopped", WITHOUT_ACCOUNTS, 10),
    row("accounts slow", HEALTHY, 10),
    row("accounts cut off", WITHOUT_ACCOUNTS, 10),
    row("redirection killed", WITHOUT_REDIRECTION, 10),
    row("redirection stopped", WITHOUT_REDIRECTION, 10),
    row("redirection slow", HEALTHY, 10),
    row("redirection cut off", WITHOUT_REDIRECTION, 10),
    row("onboarding killed", WITHOUT_ONBOARDING, 10),
    row("onboarding stopped", WITHOUT_ONBOARDING, 10),
    row("onboarding slow", HEALTHY, 10),
    row("onboarding cut off", WITHOUT_ONBOARDING, 10),
    row("customization killed", WITHOUT_CUSTOMIZATION, 10),
    row("customization stopped", WITHOUT_CUSTOMIZATION, 10),
    row("customization slow", HEALTHY, 10),
    row("customization cut off", WITHOUT_CUSTOMIZATION, 10),
    row("gateway killed", NOBODY, 10),
    row("gateway stopped", NOBODY, 10),
    row("gateway started while accounts is away", WITHOUT_ACCOUNTS, 10),
    row("everything killed", NOBODY, 10),
    row("PostgreSQL killed", WITHOUT_DATABASES, 10),
    row("PostgreSQL killed again", WITHOUT_DATABASES, 10),
    row("PostgreSQL cut off", WITHOUT_DATABASES, 30),
    row("connections to PostgreSQL closed", WITHOUT_DATABASES, 10),
    row("PostgreSQL out of connections", WITHOUT_DATABASES, 10),
    row("disk full", WITHOUT_ROOM, 10),
    row("redirection's certificate expired", WITHOUT_REDIRECTION, 10),
    row("every certificate exchanged", HEALTHY, 10),
    row("clock an hour ahead", TOKENS_EXPIRED, 10),
    row("clock an hour back", HEALTHY, 10),
];

impl Row {
    /// The row of that name.
    #[track_caller]
    pub fn of(fault: &str) -> &'static Self {
        TABLE.iter().find(|row| row.fault == fault).unwrap_or_else(|| panic!("the table has no row {fault:?}"))
    }

    /// Fails unless this was seen.
    #[track_caller]
    pub fn was_seen(&self, seen: &[String; 8]) {
        let rows = TRIED.iter().zip(&self.cells).zip(seen);
        // A service that is slow may be too slow for a report on a busy machine; queued, it is as safe.
        let may_be_queued = self.fault.ends_with(" slow");
        let is_another =
            |wanted: &str, seen: &str| wanted != seen && !(may_be_queued && wanted == "recorded" && seen == "queued");
        let others: Vec<_> = rows.filter(|((_, wanted), seen)| is_another(wanted, seen)).collect();
        assert!(others.is_empty(), "{}: ((tried, expected), seen) {others:?}", self.fault);
    }

    /// Fails unless it took at most as long as the table says.
    #[track_caller]
    pub fn is_over_within(&self, took: Duration) {
        println!("{}: whole again after {took:?}", self.fault);
        assert!(took <= Duration::from_secs(self.whole), "{}: whole again only after {took:?}", self.fault);
    }
}

/// The table as it stands in the README.
fn written() -> String {
    let mut text = format!("| fault | {} | lost | whole again within |\n", TRIED.join(" | "));
    let _ = writeln!(text, "|{}", "---|".repeat(TRIED.len() + 3));
    for Row { fault, cells, whole } in &TABLE {
        let _ = writeln!(text, "| {fault} | {} | nothing acknowledged | {whole} s |", cells.join(" | "));
    }
    text
}

#[test]
fn the_readme_has_this_table() {
    let file = repository().join("tests/README.md");
    let readme = std::fs::read_to_string(&file).expect("tests/README.md");
    let (begin, end) = ("<!-- faults -->\n", "<!-- end of faults -->\n");
    let (before, rest) = readme.split_once(begin).expect("where the table begins");
    let (table, after) = rest.split_once(end).expect("where the table ends");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, [before, begin, &written(), end, after].concat()).expect("tests/README.md");
        return;
    }
    assert_eq!(table, written(), "`make golden` writes it; review the difference");
}
