//! The real program with a data folder of its own, on free ports: one process, or one for each service.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::build::dialtone;
use super::chaos::Link;
use super::curl::Curl;
use super::installation::{Installation, POSTGRES, Plan, SERVICES, Settings};
use super::process::{Birth, Process, Starting};
use super::provider::{Login, Provider};

/// How long a test waits for something that should happen soon; only a failing test waits so long.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A running server. Dropping it kills it.
pub struct Server {
    /// By what they run alone. The edge, or the only one, is the last.
    processes: Vec<(Option<&'static str>, Process)>,
    installation: Arc<Installation>,
    pub https: String,
    pub http: String,
    pub internal: String,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// A server on an empty data folder.
    pub fn start() -> Self {
        Self::start_with(Settings::default())
    }

    pub fn start_with(settings: Settings) -> Self {
        Self::prepared(settings, |_| ())
    }

    /// A server on a data folder in which `prepare` has laid something.
    pub fn prepared(settings: Settings, prepare: impl FnOnce(&Path)) -> Self {
        Self::planned_on(Plan::of(settings), prepare)
    }

    pub fn planned(plan: Plan) -> Self {
        Self::planned_on(plan, |_| ())
    }

    pub fn planned_on(plan: Plan, prepare: impl FnOnce(&Path)) -> Self {
        Self::on(Installation::new(plan, prepare), Arc::default())
    }

    fn on(installation: Arc<Installation>, log: Arc<Mutex<String>>) -> Self {
        let [https, http, internal] = [const { String::new() }; 3];
        let mut server = Self { processes: Vec::new(), installation, https, http, internal, log };
        server.start_all();
        server
    }

    /// Starts every process, all at once, as a machine that was switched on does. None runs.
    pub fn start_all(&mut self) {
        let all = self.installation.processes();
        let starting: Vec<_> = all.iter().map(|(only, config)| (*only, self.start_process(*only, config))).collect();
        self.processes = starting.into_iter().map(|(only, process)| (only, process.when_it_serves())).collect();
        self.note_addresses();
    }

    fn start_process(&self, only: Option<&'static str>, config: &Path) -> Starting {
        let environment = self.installation.environment(only);
        Starting::new(Birth { only, config, environment: &environment, log: Arc::clone(&self.log) })
    }

    fn note_addresses(&mut self) {
        let (_, edge) = self.processes.last().expect("a process");
        (self.https, self.http) = (edge.url("https", "https"), edge.url("http", "http"));
        self.internal = edge.internal();
    }

    pub fn data(&self) -> PathBuf {
        self.installation.data()
    }

    /// What it stands on.
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    fn config(&self) -> PathBuf {
        self.installation.config()
    }

    /// Where the health and the metrics of each of its processes are.
    pub fn vitals(&self) -> Vec<String> {
        self.processes.iter().map(|(_, process)| process.internal()).collect()
    }

    /// The road of one of its processes to another.
    #[track_caller]
    pub fn link(&self, from: &'static str, to: &'static str) -> &Link {
        self.installation.link(from, to)
    }

    /// The roads of all its processes to PostgreSQL.
    pub fn roads_to_postgres(&self) -> Vec<&Link> {
        self.installation.links_to(POSTGRES)
    }

    pub fn ca(&self) -> PathBuf {
        self.data().join("tls/ca.pem")
    }

    /// Everything logged so far, this life and those before it.
    pub fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    /// A request over HTTPS, from a client that trusts the server's authority.
    pub fn ask(&self, path: &str) -> Curl {
        Curl::get(&format!("{}{path}", self.https)).trusting(&self.ca())
    }

    /// A request over plain HTTP.
    pub fn ask_plainly(&self, path: &str) -> Curl {
        Curl::get(&format!("{}{path}", self.http))
    }

    /// Runs the command line on this server's installation and returns what it printed.
    pub fn command(&self, words: &[&str]) -> String {
        self.try_command(words).unwrap_or_else(|said| panic!("{words:?}: {said}"))
    }

    /// The same for a command that may fail: what it printed, or what it printed and complained of.
    pub fn try_command(&self, words: &[&str]) -> Result<String, String> {
        let output = Command::new(dialtone()).args(words).arg("--config").arg(self.config()).output();
        let output = output.expect("the command runs");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaints = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(printed) } else { Err(format!("{printed}{complaints}")) }
    }

    /// Makes sure that no process starts on the data of this one, which has ended; gives the last words of the first
    /// that is asked.
    pub fn refusal_to_start(&self) -> String {
        let all = self.installation.processes();
        let (only, config) = all.first().expect("a process");
        let words = only.iter().flat_map(|name| ["--only", name]);
        let output = Command::new(dialtone()).arg("serve").args(words).arg("--config").arg(config).output();
        let output = output.expect("the program runs");
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Makes an operator, as an administrator would, and logs it in.
    pub fn operator(&self) -> Login {
        let printed = self.command(&["operator", "create", "a test"]);
        let word_after = |name: &str| {
            let line = printed.lines().find(|line| line.starts_with(name)).expect("a printed line");
            line.split_whitespace().nth(1).expect("a value").to_owned()
        };
        Login::with(self, &word_after("client_id"), &word_after("client_secret"))
    }

    /// Makes a provider by the operator's API and logs it in.
    pub fn provider(&self, name: &str) -> Provider {
        Provider::made_by(self, &self.operator(), name)
    }

    /// Sends a signal to every process. One that asks for the end goes to the edge, and [`Self::end`] hands it on: what
    /// the edge has begun, it finishes with the help of the others.
    pub fn kill(&self, signal: &str) {
        let is_polite = matches!(signal, "TERM" | "INT");
        let inner = self.processes.len() - 1;
        // The edge first: nobody is to see how it fares without the others.
        for (_, process) in self.processes.iter().rev().take(if is_polite { 1 } else { inner + 1 }) {
            process.send(signal);
        }
    }

    /// Sends a signal to the process that runs `service`.
    pub fn kill_one(&self, service: &str, signal: &str) {
        self.processes[self.place_of(service)].1.send(signal);
    }

    /// Waits for the end of the process that runs `service`.
    pub fn end_one(&mut self, service: &str) -> ExitStatus {
        let place = self.place_of(service);
        self.processes[place].1.end()
    }

    /// Starts the process that runs `service` again; it has ended.
    pub fn start_one(&mut self, service: &str) {
        let place = self.place_of(service);
        let (only, config) = self.installation.processes().swap_remove(place);
        self.processes[place].1 = self.start_process(only, &config).when_it_serves();
        self.note_addresses();
    }

    /// Kills the process that runs `service` as a power cut would.
    pub fn crash_one(&mut self, service: &str) {
        self.kill_one(service, "KILL");
        self.end_one(service);
    }

    /// In one process, all services are at the same place.
    fn place_of(&self, service: &str) -> usize {
        assert!(SERVICES.iter().any(|(name, _)| *name == service), "{service} is no service");
        self.processes.iter().position(|(only, _)| only.is_none_or(|only| only == service)).expect("its process")
    }

    /// Asks the server to stop and waits for its end.
    pub fn stop(&mut self) -> ExitStatus {
        self.kill("TERM");
        self.end()
    }

    /// Waits for the end of every process and of its log; gives the status of the one that fared worst.
    pub fn end(&mut self) -> ExitStatus {
        let (_, edge) = self.processes.last_mut().expect("a process");
        let mut worst = edge.end();
        let inner = self.processes.len() - 1;
        for (_, process) in self.processes.iter_mut().take(inner) {
            // Those that were killed do not hear it.
            process.send_if_alive("TERM");
        }
        for (_, process) in self.processes.iter_mut().take(inner) {
            let status = process.end();
            worst = if worst.success() { status } else { worst };
        }
        worst
    }

    /// Kills the server as a power cut would, and starts another on the same data.
    pub fn crash_and_restart(mut self) -> Self {
        self.kill("KILL");
        self.end();
        self.again()
    }

    /// Stops the server in good order, and starts another on the same data.
    pub fn restart(mut self) -> Self {
        assert!(self.stop().success());
        self.again()
    }

    /// Starts another server on the same data; this one has ended.
    pub fn again(mut self) -> Self {
        self.start_all();
        self
    }
}

/// Asks again until there is an answer; for what happens soon, but not at once.
#[track_caller]
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let tries = 600;
    for _ in 0..tries {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(PATIENCE / tries);
    }
    panic!("{what} did not happen within {PATIENCE:?}");
}
