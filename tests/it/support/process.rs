//! One process of the program under test, with its log and the addresses it named.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::build::dialtone;
use super::server::{PATIENCE, eventually};

/// A process; dropping it kills it.
pub struct Process {
    child: Child,
    /// Reads the log to its end.
    reader: Option<JoinHandle<()>>,
    /// What it said of its addresses when it began to serve.
    addresses: serde_json::Value,
}

/// One that was started and may not serve yet.
pub struct Starting {
    process: Process,
    lines: Receiver<String>,
    log: Arc<Mutex<String>>,
}

/// How to start one.
pub struct Birth<'a> {
    /// The one service that it runs; all of them where there is no name.
    pub only: Option<&'a str>,
    pub config: &'a Path,
    pub environment: &'a [(String, String)],
    /// What it logs is added here.
    pub log: Arc<Mutex<String>>,
}

impl Starting {
    pub fn new(birth: Birth<'_>) -> Self {
        let Birth { only, config, environment, log } = birth;
        let mut command = Command::new(dialtone());
        let command = command.arg("serve").args(only.iter().flat_map(|name| ["--only", name]));
        let command = command.arg("--config").arg(config).envs(environment.iter().cloned());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program starts");
        let (lines, reader) = collect(child.stderr.take().expect("its log"), Arc::clone(&log));
        Self { process: Process { child, reader: Some(reader), addresses: serde_json::Value::Null }, lines, log }
    }

    /// Waits for the line that names the addresses.
    pub fn when_it_serves(mut self) -> Process {
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                let log = self.log.lock().expect("the log").clone();
                panic!("the server does not serve: {log}");
            };
            let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if event.get("message").is_some_and(|message| message == "serving") {
                self.process.addresses = event;
                return self.process;
            }
        }
    }
}

impl Process {
    /// Where it is reached, such as `http://localhost:40123`.
    pub fn url(&self, scheme: &str, name: &str) -> String {
        let address = self.addresses.get(name).and_then(|it| it.as_str()).expect("an address");
        format!("{scheme}://{}", address.replace("127.0.0.1", "localhost"))
    }

    /// Where health and metrics are. By its address: a curl that also speaks to the HTTPS port would take this one for
    /// HTTPS too (RFC 6797).
    pub fn internal(&self) -> String {
        self.url("http", "internal").replace("localhost", "127.0.0.1")
    }

    pub fn send(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {pid}")]).status().expect("a shell");
        assert!(sent.success());
    }

    /// The same, unless it has ended already.
    pub fn send_if_alive(&mut self, signal: &str) {
        if self.child.try_wait().expect("a process").is_none() {
            self.send(signal);
        }
    }

    /// Waits for the end of the process and of its log.
    pub fn end(&mut self) -> ExitStatus {
        let status = eventually("the end of the process", || self.child.try_wait().expect("a process"));
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the log is read to its end");
        }
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
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
