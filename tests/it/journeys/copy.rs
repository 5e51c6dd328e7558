//! An installation that has outgrown its files moves to PostgreSQL: `dialtone copy`, as deploy/README.md tells it.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use sqlx::ConnectOptions;
use storage::Queue;
use tempfile::TempDir;

use crate::support::{Databases, Provider, Server, Settings, dialtone, has_meaning_here, url, wait_for};

const MAC: &str = "00562b043615";
const RULE: &str = "[--key topsecretkey] https://nps.example/$MA.xml";

/// An installation in which everything has happened once, stopped.
struct Grown {
    server: Server,
    provider: Provider,
    code: String,
    /// What a phone, its provider and the operator saw.
    seen: [Value; 4],
}

impl Grown {
    fn new() -> Self {
        let mut server = Server::start();
        let provider = server.provider("acme");
        let profile = provider.profile_for(&server, ("main", RULE), "serial");
        provider.register(&server, MAC, "main", &json!({ "serial": "FCH2034D0PL" })).expect(201);
        for mac in ["00562b0436f1", "00562b0436f2"] {
            provider.register(&server, mac, "main", &json!({ "serial": "FCH2034D0PM" })).expect(201);
        }
        let personal = json!({ "kind": "personal", "profile": profile }).to_string();
        let made = provider.ask(&server, "/v1/codes").json(&personal).send().expect(201).json();
        let code = made["codes"][0]["digits"].as_str().expect("digits").to_owned();
        answer(&server);
        // Recorded before it stops.
        assert!(server.stop().success());
        let server = server.again();
        let seen = seen(&server, &provider);
        let mut grown = Self { server, provider, code, seen };
        assert!(grown.server.stop().success());
        grown
    }

    fn data(&self) -> PathBuf {
        self.server.data()
    }
}

/// What a phone is told.
fn answer(server: &Server) -> String {
    server.ask(&format!("/software/edos/callhome/rc?id={MAC}:FCH2034D0PL")).send().expect(200).body
}

fn seen(server: &Server, provider: &Provider) -> [Value; 4] {
    let get = |path: &str| provider.ask(server, path).send().expect(200).json();
    [get("/v1/devices"), get("/v1/profiles"), get("/v1/codes"), json!(provider.timeline(server, MAC))]
}

/// Where the copy goes.
struct New {
    folder: TempDir,
    databases: Databases,
}

impl New {
    fn empty() -> Self {
        let new = Self { folder: TempDir::new().expect("a folder"), databases: Databases::new(None) };
        std::fs::write(new.config(), new.toml()).expect("the configuration can be written");
        new
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("new.toml")
    }

    fn secrets(&self) -> PathBuf {
        self.folder.path().join("secrets")
    }

    fn toml(&self) -> String {
        let file = |name: &str| self.secrets().join(name).display().to_string();
        let mut text = format!(
            "[keys]\nmaster_file = {:?}\nreport_file = {:?}\ncodes_file = {:?}\n[databases]\n",
            file("dialtone-master"),
            file("dialtone-report"),
            file("dialtone-codes")
        );
        for (service, options) in self.databases.all() {
            let _ = writeln!(text, "{service} = {:?}", url(&options));
        }
        text
    }

    fn copy(&self, data: &Path) -> Command {
        let mut command = Command::new(dialtone());
        command.arg("copy").arg("--data").arg(data).arg("--config").arg(self.config());
        command
    }

    fn export_keys(&self, grown: &Grown) {
        let mut command = Command::new(dialtone());
        run(command.args(["keys", "export", "--data"]).arg(grown.data()).arg("--to").arg(self.secrets()));
    }

    /// A server on the copy.
    fn serve(&self, grown: &Grown) -> Server {
        run(Command::new(dialtone())
            .args(["keys", "export", "--data"])
            .arg(grown.data())
            .arg("--to")
            .arg(self.secrets()));
        Server::prepared(Settings { toml: self.toml() }, |data| {
            // The development authority, which the test's phones trust.
            copy_file(&grown.data(), data, "tls");
            for entry in std::fs::read_dir(grown.data().join("databases")).expect("databases") {
                let name = entry.expect("a file").file_name().into_string().expect("a name");
                let service = name.split('.').next().expect("its service");
                if self.databases.of(service).is_none() {
                    copy_file(&grown.data().join("databases"), &data.join("databases"), &name);
                }
            }
        })
    }
}

/// A file or a folder, as it is.
fn copy_file(from: &Path, to: &Path, name: &str) {
    std::fs::create_dir_all(to).expect("a folder");
    let copied = Command::new("cp").arg("-a").arg(from.join(name)).arg(to).status();
    assert!(copied.expect("cp runs").success());
}

/// What it printed; it succeeds.
#[track_caller]
fn run(command: &mut Command) -> String {
    let (is_done, said) = try_run(command);
    assert!(is_done, "{said}");
    said
}

/// Whether it succeeded, and everything it said.
fn try_run(command: &mut Command) -> (bool, String) {
    let Output { status, stdout, stderr } = command.output().expect("the program runs");
    (status.success(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

#[test]
fn phones_and_providers_do_not_notice_the_move() {
    if !has_meaning_here("outgrown files") {
        return;
    }
    let (grown, new) = (Grown::new(), New::empty());
    let said = run(&mut new.copy(&grown.data()));
    for (service, _) in new.databases.all() {
        assert!(said.contains(&format!("the audit log holds: {service}=")), "{service}: {said}");
    }
    for table in ["tenant", "device", "profile", "timeline", "act"] {
        let is_compared =
            |line: &str| line.trim().starts_with(&format!("{table} ")) && line.contains("the same on both");
        assert!(said.lines().any(is_compared), "{table}: {said}");
    }
    assert!(said.contains("dialtone keys export"), "{said}");
    let server = new.serve(&grown);
    assert_eq!(seen(&server, &grown.provider), grown.seen);
    assert!(answer(&server).contains(RULE));
    let body = json!({ "code": grown.code, "mac": "00562b0436ff", "serial": "FCH2034D0PL" }).to_string();
    server.ask("/activate").json(&body).send().expect(200);
    let added = grown.provider.register(&server, "00562b0436f3", "main", &json!({ "serial": "FCH2034D0PN" }));
    added.expect(201);

    // What is in use already is not overwritten.
    drop(server);
    let (is_done, said) = try_run(&mut new.copy(&grown.data()));
    assert!(!is_done && said.contains("the target holds something else already"), "{said}");
}

#[test]
fn a_copy_that_was_killed_is_completed_by_the_next() {
    if !has_meaning_here("outgrown files") {
        return;
    }
    let (grown, new) = (Grown::new(), New::empty());
    run(Command::new(dialtone()).args(["migrate", "--config"]).arg(new.config()));
    // The last of the databases does not answer until the copy is dead.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let locked = new.databases.of("customization").expect("a database");
    let mut held = runtime.block_on(async {
        let mut connection = locked.connect().await.expect("a connection");
        sqlx::query("BEGIN").execute(&mut connection).await.expect("a transaction");
        sqlx::query("LOCK TABLE timeline IN ACCESS EXCLUSIVE MODE").execute(&mut connection).await.expect("locked");
        connection
    });
    let mut process = new.copy(&grown.data()).stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut lines = BufReader::new(process.stdout.take().expect("what it prints")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("customization ")), "the others are done");
    process.kill().expect("it can be killed");
    process.wait().expect("it ends");
    runtime.block_on(async { sqlx::query("ROLLBACK").execute(&mut held).await.expect("free again") });
    drop(held);

    new.export_keys(&grown);
    let (is_serving, said) = try_run(
        Command::new(dialtone())
            .args(["serve", "--https", "127.0.0.1:0", "--http", "127.0.0.1:0", "--internal", "127.0.0.1:0", "--data"])
            .arg(new.folder.path().join("data"))
            .arg("--config")
            .arg(new.config()),
    );
    assert!(!is_serving && said.contains("what `dialtone copy` began here is not finished; run it again"), "{said}");

    let said = run(&mut new.copy(&grown.data()));
    assert!(!said.contains("tenant                    1 rows copied"), "{said}");
    let server = new.serve(&grown);
    assert_eq!(seen(&server, &grown.provider), grown.seen);
}

#[test]
fn one_database_is_moved_by_itself_when_nobody_uses_it() {
    if !has_meaning_here("outgrown files") {
        return;
    }
    let (grown, new) = (Grown::new(), New::empty());
    let to = url(&new.databases.of("redirection").expect("a database"));
    let copy = |from: &str| {
        let mut command = Command::new(dialtone());
        command.args(["copy", "--from", from, "--to", &to]);
        command
    };
    let from = format!("sqlite:{}", grown.data().join("databases/redirection.db").display());
    let data = grown.data();
    let mut server = grown.server.again();
    let (is_done, said) = try_run(&mut copy(&from));
    assert!(!is_done && said.contains("another dialtone runs"), "{said}");
    assert!(server.stop().success());
    // What a gateway could not hand on is in no database of a service, and would be left behind.
    wait_for(async {
        let queue = Queue::open(&data.join("databases/queue.db")).await.expect("the queue");
        queue.append(3, b"reports").await.expect("appended");
        queue.close().await;
    });
    let (is_done, said) = try_run(&mut new.copy(&data));
    assert!(!is_done && said.contains("3 events of phones wait in"), "{said}");
    // Told from its tables.
    let said = run(&mut copy(&from));
    assert!(said.starts_with(&format!("redirection  {from} -> postgres://")), "{said}");
    // Nothing has changed, so that nothing is to do.
    assert!(!run(&mut copy(&from)).contains("rows copied"));
    let (is_done, said) = try_run(&mut copy("sqlite:nowhere.db"));
    assert!(!is_done && said.contains("there is no sqlite:nowhere.db"), "{said}");
}

/// Whoever prepared a folder first has keys there that open nothing.
#[test]
fn keys_are_not_written_over_others() {
    if !has_meaning_here("outgrown files") {
        return;
    }
    let mut server = Server::start();
    let secrets = TempDir::new().expect("a folder");
    let data = server.data();
    let export = || {
        let mut command = Command::new(dialtone());
        command.args(["keys", "export", "--data"]).arg(&data).arg("--to").arg(secrets.path());
        try_run(&mut command)
    };
    let (is_done, said) = export();
    assert!(!is_done && said.contains("another dialtone runs"), "{said}");
    assert!(server.stop().success());
    let codes = secrets.path().join("dialtone-codes");
    std::fs::write(&codes, "5a".repeat(32)).expect("a file");
    let (is_done, said) = export();
    assert!(!is_done && said.contains("dialtone-codes holds another key"), "{said}");
    assert_eq!(std::fs::read_dir(secrets.path()).expect("a folder").count(), 1, "nothing else was written");
    std::fs::remove_file(&codes).expect("removed");
    for _ in 0..2 {
        let (is_done, said) = export();
        assert!(is_done && said.lines().count() == 3, "{said}");
    }
    let master = std::fs::read(data.join("keys/master.key")).expect("the master key");
    let exported = std::fs::read(secrets.path().join("dialtone-master")).expect("the same");
    assert_eq!(master.trim_ascii(), exported.trim_ascii());
}
