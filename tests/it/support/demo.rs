//! `dialtone demo` as a person runs it: a data folder, and what is printed.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::build::dialtone;
use super::curl::Curl;
use super::process::collect;
use super::server::{PATIENCE, eventually};

/// A demonstration under way. Dropping it kills it.
pub struct Demo {
    process: Child,
    data: PathBuf,
    lines: Receiver<String>,
    printed: Arc<Mutex<String>>,
}

impl Demo {
    /// Starts one on the folder, which may hold what an earlier one left.
    pub fn on(folder: &TempDir) -> Self {
        let (config, data) = (folder.path().join("dialtone.toml"), folder.path().join("data"));
        // The provider's own server keeps its port for the next start, so its address must be one that no
        // other test binds or connects from in the meantime.
        let [.., high, low] = std::process::id().to_be_bytes();
        let toml = format!(
            "data = {data:?}\n[listen]\nhttps = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\ninternal = \"127.0.0.1:0\"\n\
             [demo]\nnps = \"127.{high}.{low}.2:0\"\n",
        );
        std::fs::write(&config, toml).expect("the configuration can be written");
        let mut process = Command::new(dialtone())
            .args(["demo", "--config", &config.display().to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let printed = Arc::default();
        let (lines, _) = collect(process.stdout.take().expect("what it prints"), Arc::clone(&printed));
        Self { process, data, lines, printed }
    }

    /// Waits for a line that holds `part`, and gives it.
    pub fn until(&self, part: &str) -> String {
        loop {
            let line =
                self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {part:?} in {}", self.printed()));
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Everything printed so far.
    pub fn printed(&self) -> String {
        self.printed.lock().expect("what was printed").clone()
    }

    pub fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// Waits until it serves, and gives the address of its HTTPS port.
    pub fn https(&self) -> String {
        let line = self.until("phones and providers");
        line.split_whitespace().last().expect("an address").to_owned()
    }

    /// What `demo.json` says.
    pub fn file(&self) -> serde_json::Value {
        let text = std::fs::read(self.data.join("demo.json")).expect("demo.json");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// A request with the credentials of `demo.json`.
    pub fn ask(&self, https: &str, path: &str) -> Curl {
        let file = self.file();
        let word = |name: &str| file[name].as_str().expect("a text").to_owned();
        let (client, secret, ca) = (word("client_id"), word("client_secret"), PathBuf::from(word("ca")));
        let form = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}");
        let login = Curl::get(&format!("{https}/v1/token")).trusting(&ca).form(&form).send().expect(200).json();
        let token = login["access_token"].as_str().expect("a token").to_owned();
        Curl::get(&format!("{https}{path}")).trusting(&ca).header(&format!("Authorization: Bearer {token}"))
    }

    /// Kills it as a power cut would.
    pub fn crash(mut self) {
        self.process.kill().expect("it can be killed");
        self.process.wait().expect("it ends");
    }

    /// Presses Ctrl-C and waits for the end; gives everything that was printed.
    pub fn interrupt(mut self) -> (ExitStatus, String) {
        let pid = self.process.id().to_string();
        assert!(Command::new("sh").args(["-c", &format!("kill -INT {pid}")]).status().expect("a shell").success());
        let status = eventually("the end of the demonstration", || self.process.try_wait().expect("a process"));
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
        (status, self.printed())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
