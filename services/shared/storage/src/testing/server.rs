//! A PostgreSQL for tests: one that all tests of a run share, or one of a test's own that may be killed.
//!
//! Shared by processes through three files beside the test programs. Each process holds a lock on `postgres.used`
//! as long as it lives; `tests/tools/postgres` stops the server when nobody has held it or come for a while, so that
//! nothing is left behind however the tests end. Who comes first starts it, under the lock on `postgres.start`,
//! and writes into `postgres.url` where it is.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use sqlx::postgres::PgConnectOptions;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/tools/postgres");

/// The server of this test run.
pub(super) fn shared() -> PgConnectOptions {
    static SHARED: OnceLock<(PgConnectOptions, File)> = OnceLock::new();

    SHARED.get_or_init(join).0.clone()
}

/// The server, and the lock that keeps it running.
fn join() -> (PgConnectOptions, File) {
    let program = std::env::current_exe().expect("the path of this program");
    let beside = |name: &str| program.with_file_name(name);
    let mut used = file(&beside("postgres.used"));
    used.lock_shared().expect("a lock");
    used.write_all(b".").expect("a sign that somebody came");
    let turn = file(&beside("postgres.start"));
    turn.lock().expect("a lock");
    let note = beside("postgres.url");
    let url = match std::fs::read_to_string(&note).ok().filter(|url| answers(url)) {
        Some(url) => url,
        None => start(&beside("postgres.used"), &note),
    };
    (options(&url), used)
}

fn file(path: &Path) -> File {
    File::options().create(true).append(true).open(path).expect("a file beside the test program")
}

/// Whether somebody listens there. What was noted down may be of an earlier run.
fn answers(url: &str) -> bool {
    let options: Result<PgConnectOptions, _> = url.parse();
    options.is_ok_and(|it| std::net::TcpStream::connect((it.get_host(), it.get_port())).is_ok())
}

#[expect(clippy::zombie_processes, reason = "it outlives this process on purpose")]
fn start(used: &Path, note: &Path) -> String {
    // So it must not be ended together with it, nor hold its output.
    let complaints = note.with_extension("log");
    let log = File::create(&complaints).expect("a log beside the test program");
    let mut command = Command::new(PROGRAM);
    let command = command.arg("--while-used").arg(used).process_group(0).stdin(Stdio::null()).stderr(log);
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("{PROGRAM}: {error}"));
    let mut lines = BufReader::new(process.stdout.take().expect("its output"));
    let Some(url) = line(&mut lines) else {
        let complaint = std::fs::read_to_string(complaints).unwrap_or_default();
        panic!("no PostgreSQL for this test: {PROGRAM} says: {complaint}");
    };
    std::fs::write(note, &url).expect("the note can be written");
    url
}

/// The next line that the program prints; `None` where it ended, having said why on its error output.
fn line(lines: &mut BufReader<ChildStdout>) -> Option<String> {
    let mut line = String::new();
    let length = lines.read_line(&mut line).expect("readable");
    (length > 0).then(|| line.trim_end().to_owned())
}

fn options(url: &str) -> PgConnectOptions {
    url.parse().expect("the URL of a server")
}

/// A server of a test's own, which it may kill. Ends with the test.
#[derive(Debug)]
pub struct Server {
    process: Child,
    wishes: Option<ChildStdin>,
    lines: BufReader<ChildStdout>,
    options: PgConnectOptions,
    folder: PathBuf,
}

impl Server {
    /// A new one, running.
    pub fn new() -> Self {
        let mut command = Command::new(PROGRAM);
        let command = command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{PROGRAM}: {error}"));
        let mut lines = BufReader::new(process.stdout.take().expect("its output"));
        let mut next = || line(&mut lines).expect("no PostgreSQL for this test; what is printed above says why");
        let options = options(&next());
        let folder = next().into();
        Self { wishes: process.stdin.take(), process, lines, options, folder }
    }

    /// How an administrator connects.
    pub fn admin(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// The folder that holds it: `data`, and its log in `log`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Kills it with `-9`, and everything it started.
    pub fn crash(&mut self) {
        self.wish("crash");
    }

    /// Starts it again on the same port, and waits until it answers.
    pub fn start(&mut self) {
        self.wish("start");
    }

    fn wish(&mut self, wish: &str) {
        let wishes = self.wishes.as_mut().expect("its input");
        writeln!(wishes, "{wish}").and_then(|()| wishes.flush()).expect("it listens");
        assert_eq!(line(&mut self.lines).as_deref(), Some(wish));
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.wishes.take());
        let _ = self.process.wait();
    }
}
