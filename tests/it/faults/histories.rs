//! Many use the same codes and phones at the same time, while processes and databases are killed under them; every
//! history that they saw can have happened one after the other.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

use serde_json::{Value, json};
use storage::testing::Server as Postgres;

use crate::support::{
    Act, Combination, Database, Holder, Outcome, Plan, Provider, Question, Server, Settings, Shape, Tried, Wire,
    is_explained,
};

const CLIENTS: u32 = 6;
/// Of codes, and of phones.
const THINGS: u32 = 24;
/// After so many answers something is killed.
const BETWEEN: usize = 120;
/// The services that are killed, one after the other.
const VICTIMS: [&str; 4] = ["redirection", "onboarding", "gateway", "accounts"];

/// The tenants, by the number of the holder that they are.
type Tenants = [Provider; 2];

/// What everybody uses.
struct Playground {
    http: RwLock<String>,
    tenants: Tenants,
    /// Personal codes of the first tenant.
    codes: Vec<String>,
    /// A clock that only counts.
    moment: AtomicU64,
    answers: AtomicUsize,
    is_over: AtomicBool,
    histories: Mutex<Vec<Vec<Tried>>>,
    /// The requests for a phone that somebody has made.
    requests: Mutex<HashSet<String>>,
}

/// Somebody who tries this and that, always in the same order.
struct Client<'a> {
    number: u32,
    dice: u64,
    playground: &'a Playground,
}

/// Nobody listened.
struct NotAsked;

impl Playground {
    fn at(server: &Server) -> Self {
        let operator = server.operator();
        let tenants = ["acme", "other"].map(|name| Provider::made_by(server, &operator, name));
        let [profile, _] = tenants.each_ref().map(|it| it.profile(server, "main", "https://nps.example/$MA.xml"));
        let wish = json!({"kind": "personal", "profile": profile, "count": THINGS}).to_string();
        let made = tenants[0].ask(server, "/v1/codes").json(&wish).send().expect(201).json();
        let all = made["codes"].as_array().expect("codes");
        let codes: Vec<_> = all.iter().filter_map(|code| code["digits"].as_str()).map(str::to_owned).collect();
        assert_eq!(codes.len(), THINGS as usize);
        Self {
            http: RwLock::new(server.http.clone()),
            tenants,
            codes,
            moment: AtomicU64::new(0),
            answers: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            histories: Mutex::new(vec![Vec::new(); 2 * THINGS as usize]),
            requests: Mutex::default(),
        }
    }

    fn now(&self) -> u64 {
        self.moment.fetch_add(1, Ordering::SeqCst)
    }

    /// Waits until so many more have been answered.
    fn wait_for_answers(&self, more: usize) {
        let wanted = self.answers.load(Ordering::SeqCst) + more;
        crate::support::eventually("more answers", || (self.answers.load(Ordering::SeqCst) >= wanted).then_some(()));
    }
}

impl Client<'_> {
    /// Xorshift: the same client throws the same numbers in every run.
    fn throw(&mut self, below: u32) -> u32 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        u32::try_from(self.dice % u64::from(below)).expect("a small number")
    }

    fn play(&mut self) {
        while !self.playground.is_over.load(Ordering::SeqCst) {
            let thing = self.throw(THINGS);
            match self.throw(8) {
                0..3 => self.redeem(thing),
                3..5 => self.claim(thing),
                5 => self.release(thing),
                6 => self.transfer(thing),
                _ => self.look(thing),
            }
        }
    }

    /// Types a code on a phone that only this client has.
    fn redeem(&mut self, thing: u32) {
        let mac = format!("00562baa{:02x}{thing:02x}", self.number);
        let body = json!({"code": self.playground.codes[thing as usize], "mac": mac}).to_string();
        let act = Act::Take(self.number);
        self.try_it(thing, act, &Question { line: "POST /activate", token: "", body: &body }, (&[200], &[403]));
    }

    fn claim(&mut self, thing: u32) {
        let (holder, line) = self.tenant_and("PUT", thing);
        let question = Question { line: &line, token: self.token(holder), body: r#"{"profile":"main"}"# };
        self.try_it(THINGS + thing, Act::Take(holder), &question, (&[200, 201], &[409]));
    }

    fn release(&mut self, thing: u32) {
        let (holder, line) = self.tenant_and("DELETE", thing);
        let question = Question { line: &line, token: self.token(holder), body: "" };
        self.try_it(THINGS + thing, Act::LetGo(holder), &question, (&[200, 204], &[404]));
    }

    fn look(&mut self, thing: u32) {
        let (holder, line) = self.tenant_and("GET", thing);
        let question = Question { line: &line, token: self.token(holder), body: "" };
        self.try_it(THINGS + thing, Act::Look(holder), &question, (&[200], &[404]));
    }

    /// One asks for it, and the other one agrees; that is when it changes hands.
    fn transfer(&mut self, thing: u32) {
        let (to, _) = self.tenant_and("", thing);
        let from = 1 - to;
        let wish = json!({"mac": phone(thing), "profile": "main", "statement": "bought"}).to_string();
        let question = Question { line: "POST /v1/transfers", token: self.token(to), body: &wish };
        let Ok(Some((201, made))) = self.ask(&question) else { return };
        let made: Value = serde_json::from_str(&made).expect("JSON");
        let request = made["id"].as_str().expect("an id");
        // Whoever asks for what has been asked for is told of that request, and whoever decides again as before is told
        // that it is so, whoever has the phone by then. Decided by one, each is one act.
        if !self.playground.requests.lock().expect("the requests").insert(request.to_owned()) {
            return;
        }
        let line = format!("PUT /v1/transfers/{request}/decision");
        let question = Question { line: &line, token: self.token(from), body: r#"{"decision":"agree"}"# };
        // Refused also where it was overtaken, which says nothing of who has it now.
        self.try_it(THINGS + thing, Act::HandOn(from, to), &question, (&[200], &[]));
    }

    fn tenant_and(&mut self, method: &str, thing: u32) -> (Holder, String) {
        (self.throw(2), format!("{method} /v1/devices/{}", phone(thing)))
    }

    fn token(&self, holder: Holder) -> &'static str {
        // Lives as long as the test program, which ends soon.
        Box::leak(self.playground.tenants[holder as usize].login.token.clone().into_boxed_str())
    }

    /// `None` where nobody answered.
    fn ask(&self, question: &Question<'_>) -> Result<Option<(u16, String)>, NotAsked> {
        let http = self.playground.http.read().expect("an address").clone();
        let Some(wire) = Wire::attempt(&http) else {
            std::thread::sleep(Duration::from_millis(20));
            return Err(NotAsked);
        };
        Ok(question.put_on(wire))
    }

    fn try_it(&mut self, thing: u32, act: Act, question: &Question<'_>, (done, refused): (&[u16], &[u16])) {
        let playground = self.playground;
        let begun = playground.now();
        let Ok(answer) = self.ask(question) else { return };
        let ended = playground.now();
        let outcome = match &answer {
            Some((status, _)) if done.contains(status) => Outcome::Done,
            Some((status, _)) if refused.contains(status) => Outcome::Refused,
            Some((503 | 504, _)) | None => Outcome::Unknown,
            Some(_) if refused.is_empty() => return,
            Some(other) => panic!("{act:?}: {other:?}"),
        };
        if outcome == Outcome::Unknown {
            std::thread::sleep(Duration::from_millis(150));
        } else {
            playground.answers.fetch_add(1, Ordering::SeqCst);
        }
        let mut histories = playground.histories.lock().expect("the histories");
        let history = &mut histories[thing as usize];
        // What is too long for the search is not begun; the thing rests.
        if history.len() < 120 {
            history.push(Tried { act, outcome, begun, ended });
        } else {
            playground.is_over.store(true, Ordering::SeqCst);
        }
    }
}

fn phone(thing: u32) -> String {
    format!("00562bbb00{thing:02x}")
}

/// Guesses cost nothing here: a refusal is to say that somebody else has the code.
fn settings() -> Settings {
    let plenty = 1_000_000;
    let budgets = format!(
        "ceiling_days = 0\nphone_per_day = {plenty}\nphone_burst = {plenty}\nnetwork_per_day = {plenty}\n\
         network_burst = {plenty}\nlength_per_day = {:?}\n",
        [plenty; 14]
    );
    Settings { toml: format!("[codes]\n{budgets}[log]\nformat = \"json\"\nfilter = \"info\"\n") }
}

/// What is killed, one after the other, while everybody plays.
fn kill_them(server: &mut Server, postgres: &mut Option<Postgres>, playground: &Playground) {
    let victims = if Combination::of_this_run().shape == Shape::Embedded { &VICTIMS[..2] } else { &VICTIMS[..] };
    for victim in victims {
        playground.wait_for_answers(BETWEEN);
        server.crash_one(victim);
        server.start_one(victim);
        server.http.clone_into(&mut playground.http.write().expect("an address"));
    }
    if let Some(postgres) = postgres {
        playground.wait_for_answers(BETWEEN);
        postgres.crash();
        postgres.start();
    }
    playground.wait_for_answers(BETWEEN);
}

#[test]
fn what_everybody_saw_can_have_happened_one_after_the_other() {
    let on_a_server = Combination::of_this_run().database == Database::Postgres;
    let mut postgres = on_a_server.then(Postgres::new);
    let plan = Plan::of(settings());
    let plan = postgres.iter().fold(plan, |plan, postgres| plan.on_server(postgres.admin()));
    let mut server = Server::planned(plan);
    let playground = Playground::at(&server);
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let playground = &playground;
            scope.spawn(move || Client { number, dice: 0x9e37_79b9 + u64::from(number), playground }.play());
        }
        kill_them(&mut server, &mut postgres, &playground);
        playground.is_over.store(true, Ordering::SeqCst);
    });
    let histories = playground.histories.into_inner().expect("the histories");
    let count = |outcome| histories.iter().flatten().filter(|tried| tried.outcome == outcome).count();
    let [done, refused, unknown] = [Outcome::Done, Outcome::Refused, Outcome::Unknown].map(count);
    println!("{done} done, {refused} refused, {unknown} unknown");
    assert!(done > BETWEEN && refused > 10, "{done} done, {refused} refused: too little to judge by");
    for (thing, history) in histories.iter().enumerate() {
        assert!(is_explained(history), "no order explains the history of thing {thing}: {history:#?}");
    }
    assert!(!server.log().contains("panicked"));
}
