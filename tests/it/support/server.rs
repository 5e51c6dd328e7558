//! The real program as a process, with a data folder of its own, on free ports.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;

use super::build::dialtone;
use super::curl::Curl;
use super::provider::{Login, Provider};

/// How long a test waits for something that should happen soon; only a failing test waits so long.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// What a test changes of the configuration: lines of TOML.
#[derive(Default, Clone)]
pub struct Settings {
    pub toml: String,
}

/// A running server. Dropping it kills it.
pub struct Server {
    process: Child,
    folder: Arc<TempDir>,
    settings: Settings,
    pub https: String,
    pub http: String,
    pub internal: String,
    log: Arc<Mutex<String>>,
    /// Reads the log to its end.
    reader: Option<JoinHandle<()>>,
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
        let folder = Arc::new(TempDir::new().expect("a folder"));
        prepare(&folder.path().join("data"));
        Self::on(folder, settings, Arc::default())
    }

    fn on(folder: Arc<TempDir>, settings: Settings, log: Arc<Mutex<String>>) -> Self {
        let config = folder.path().join("dialtone.toml");
        // What settings say of the log goes before; its format must stay JSON, which is read below.
        let log_as_usual = "[log]\nformat = \"json\"\nfilter = \"debug\"\n";
        let how_to_log = if settings.toml.contains("[log]") { "" } else { log_as_usual };
        let toml = format!(
            "data = {:?}\n{}\n[listen]\nhttps = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\ninternal = \"127.0.0.1:0\"\n\
             {how_to_log}",
            folder.path().join("data").display().to_string(),
            settings.toml,
        );
        std::fs::write(&config, toml).expect("the configuration can be written");
        let mut process = Command::new(dialtone())
            .args(["serve", "--config", &config.display().to_string()])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (lines, reader) = collect(process.stderr.take().expect("its log"), Arc::clone(&log));
        let addresses = serving(&lines, &log);
        let url = |scheme: &str, name: &str| {
            let address = addresses.get(name).and_then(|it| it.as_str()).expect("an address");
            format!("{scheme}://{}", address.replace("127.0.0.1", "localhost"))
        };
        let (https, http) = (url("https", "https"), url("http", "http"));
        // By its address: a curl that also speaks to the HTTPS port would take this one for HTTPS too (RFC 6797).
        let internal = url("http", "internal").replace("localhost", "127.0.0.1");
        Self { process, folder, settings, https, http, internal, log, reader: Some(reader) }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("dialtone.toml")
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

    /// Makes sure that no process starts on the data of this one, which has ended; gives its last words.
    pub fn refusal_to_start(&self) -> String {
        let output = Command::new(dialtone()).arg("serve").arg("--config").arg(self.config()).output();
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

    pub fn kill(&self, signal: &str) {
        let pid = self.process.id().to_string();
        let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {pid}")]).status().expect("a shell");
        assert!(sent.success());
    }

    /// Asks the process to stop and waits for its end.
    pub fn stop(&mut self) -> ExitStatus {
        self.kill("TERM");
        self.end()
    }

    /// Waits for the end of the process and of its log.
    pub fn end(&mut self) -> ExitStatus {
        let status = eventually("the end of the process", || self.process.try_wait().expect("a process"));
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the log is read to its end");
        }
        status
    }

    /// Kills the process as a power cut would, and starts another on the same data.
    pub fn crash_and_restart(mut self) -> Self {
        self.kill("KILL");
        self.end();
        self.again()
    }

    /// Stops the process in good order, and starts another on the same data.
    pub fn restart(mut self) -> Self {
        assert!(self.stop().success());
        self.again()
    }

    /// Starts another process on the same data; this one has ended.
    pub fn again(self) -> Self {
        Self::on(Arc::clone(&self.folder), self.settings.clone(), Arc::clone(&self.log))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Keeps reading what a process prints, so that it never blocks on it.
pub fn collect(pipe: impl Read + Send + 'static, log: Arc<Mutex<String>>) -> (Receiver<String>, JoinHandle<()>) {
    let (sender, lines) = channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut log = log.lock().expect("the log");
            log.push_str(&line);
            log.push('\n');
            drop(log);
            // Nobody listens any more once the server serves.
            let _ = sender.send(line);
        }
    });
    (lines, reader)
}

/// Waits for the line that names the addresses.
fn serving(lines: &Receiver<String>, log: &Mutex<String>) -> serde_json::Value {
    loop {
        let Ok(line) = lines.recv_timeout(PATIENCE) else {
            panic!("the server does not serve: {}", log.lock().expect("the log"));
        };
        let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        if event.get("message").is_some_and(|message| message == "serving") {
            return event;
        }
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
