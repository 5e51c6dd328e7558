//! The program that is measured, started as an operator would: `dialtone serve --config FILE`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use http_body_util::Full;
use hyper::Request;
use serde_json::Value;

use crate::certificate::Certificate;
use crate::client::{Connection, Target};
use crate::process::{Process, Processes};

/// How often it is asked whether everything is recorded, and with which pause.
const LOOKS: (u32, Duration) = (100, Duration::from_millis(20));

/// A running Dialtone. Dropping it ends it.
pub struct Dialtone {
    children: Vec<Child>,
    /// Those that a phone's question passes through.
    answering: Processes,
    pub http: Target,
    pub https: Target,
    internal: Target,
    config: PathBuf,
}

impl Dialtone {
    /// Starts it on an empty data folder in `folder`, and waits until it serves. `more` is added to its
    /// configuration: TOML.
    pub fn start(folder: &Path, certificate: &Certificate, more: &str) -> Result<Self> {
        let data = folder.join("data");
        let config = folder.join("dialtone.toml");
        fs::write(&config, configuration(&data, certificate, more) + more)?;
        let (child, addresses) = started(&config, &[])?;
        Self::of(vec![child], 1, &addresses, (certificate, config))
    }

    /// The processes `children`, the last of which is the gateway at `addresses`, and of which the last `answering`
    /// answer phones. `config` is that of the process that knows who may log in.
    pub fn of(
        children: Vec<Child>,
        answering: usize,
        addresses: &Value,
        (certificate, config): (&Certificate, PathBuf),
    ) -> Result<Self> {
        let target = |name: &str, tls| {
            let address = addresses.get(name).and_then(Value::as_str).with_context(|| format!("no address: {name}"))?;
            Ok::<_, anyhow::Error>(Target { address: address.parse::<SocketAddr>()?, tls })
        };
        let answering: Vec<Process> = children.iter().rev().take(answering).map(Process::of).collect();
        Ok(Self {
            answering: Processes::of(&answering),
            http: target("http", Vec::new())?,
            https: target("https", vec![certificate.connector.clone()])?,
            internal: target("internal", Vec::new())?,
            config,
            children,
        })
    }

    /// Those that a phone's question passes through.
    pub fn processes(&self) -> Processes {
        self.answering.clone()
    }

    /// Makes an operator on the command line and gives its client id and secret.
    pub fn operator(&self) -> Result<(String, String)> {
        let words = ["operator", "create", "a measurement", "--config"];
        let output = Command::new(program()?).args(words).arg(&self.config).output()?;
        ensure!(output.status.success(), "no operator: {}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let word_after = |name: &str| {
            let line = printed.lines().find_map(|line| line.strip_prefix(name)).context("no credentials")?;
            Ok::<_, anyhow::Error>(line.trim().to_owned())
        };
        Ok((word_after("client_id")?, word_after("client_secret")?))
    }

    /// Waits until nothing waits to be recorded; fails where something was lost.
    pub async fn ensure_recorded(&self) -> Result<()> {
        let mut connection = Connection::open(&self.internal).await?;
        let (looks, pause) = LOOKS;
        for _ in 0..looks {
            let answer = connection.send(Request::get("/metrics").body(Full::default())?).await?;
            let metrics = String::from_utf8_lossy(&answer.body).into_owned();
            let lost = metric(&metrics, "dialtone_observations_lost_total ")?;
            ensure!(lost == 0, "{lost} observations were lost");
            if metric(&metrics, "dialtone_observations_waiting ")? == 0 {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
        }
        bail!("observations still wait to be recorded")
    }
}

impl Drop for Dialtone {
    fn drop(&mut self) {
        // The gateway first, so that nothing it asks for is missed.
        for child in self.children.iter_mut().rev() {
            Process::of(child).terminate();
            // Nothing can be done about a process that cannot be waited for.
            let _ = child.wait();
        }
    }
}

/// Starts the program with that configuration, and waits until it says at which addresses it serves.
pub fn started(config: &Path, more: &[&str]) -> Result<(Child, Value)> {
    let mut child = Command::new(program()?)
        .arg("serve")
        .arg("--config")
        .arg(config)
        .args(more)
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start dialtone; build it with: cargo build --release --bin dialtone")?;
    let addresses = serving(child.stderr.take().context("it has no log")?)?;
    Ok((child, addresses))
}

fn metric(metrics: &str, name: &str) -> Result<u64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    Ok(line.with_context(|| format!("no metric {name}"))?.parse()?)
}

/// The release build beside this program.
pub fn program() -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("dialtone"))
}

/// The defaults, but for the ports, the certificate, a quiet log, and, unless `more` has one, a limit on questions
/// that are answered with nothing that lets everybody through.
pub fn configuration(data: &Path, certificate: &Certificate, more: &str) -> String {
    let no_limit = "[phones]\nunknown_burst = 100000000\nunknown_per_second = 1000000\n";
    let phones = if more.contains("[phones]") { "" } else { no_limit };
    let authorities = certificate.phone_authorities().map(Path::display);
    let authorities = authorities.map(|folder| format!("phone_authorities = \"{folder}\"\n"));
    let authorities = authorities.unwrap_or_default();
    format!(
        "data = \"{}\"\n\
         [listen]\nhttps = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\ninternal = \"127.0.0.1:0\"\n\
         [tls]\ncertificate_file = \"{}\"\nkey_file = \"{}\"\n\
         {authorities}\
         {phones}\
         [log]\nformat = \"json\"\nfilter = \"warn,dialtone=info\"\n",
        data.display(),
        certificate.file.display(),
        certificate.key_file.display(),
    )
}

/// Reads the log up to the line that names the addresses; what follows is shown as it comes.
fn serving(log: ChildStderr) -> Result<Value> {
    let mut lines = BufReader::new(log).lines();
    for line in lines.by_ref() {
        let line = line?;
        let event: Value = serde_json::from_str(&line).unwrap_or_default();
        if event.get("message").is_some_and(|message| message == "serving") {
            std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("dialtone: {line}")));
            return Ok(event);
        }
        eprintln!("dialtone: {line}");
    }
    bail!("dialtone ended before it served")
}
