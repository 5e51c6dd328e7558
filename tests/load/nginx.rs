//! What Dialtone is measured against: nginx, which answers each question with the same fixed text.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::net::TcpStream;

use crate::certificate::Certificate;
use crate::client::{Answer, Target};
use crate::process::{Process, Processes};

/// How often it is tried to connect to a server that is starting, and with which pause.
const TRIES: (u32, Duration) = (250, Duration::from_millis(20));

/// What nginx shall answer, as Dialtone answered it.
pub struct FixedAnswers {
    pub plain: Answer,
    pub tls: Answer,
}

/// A running nginx with one worker. Dropping it ends it.
pub struct Nginx {
    child: Child,
    pub processes: Processes,
    /// Such as `nginx/1.22.1`.
    pub version: String,
    pub http: Target,
    pub https: Target,
    /// Where phones are asked for their certificates.
    pub certified: Target,
    /// Where an answer is empty.
    pub empty: Target,
}

impl Nginx {
    /// Starts it with its files in `folder`, and waits until it serves.
    pub async fn start(folder: &Path, certificate: &Certificate, answers: &FixedAnswers) -> Result<Self> {
        let [http, https, certified, empty] = free_addresses()?;
        let config = folder.join("nginx.conf");
        let servers = [
            server(&http.to_string(), &answers.plain)?,
            server(&format!("{https} ssl"), &answers.tls)?,
            server(&format!("{certified} ssl; {}", asking_for_certificates(certificate)), &answers.tls)?,
            format!("server {{ listen {empty}; default_type ''; return 200; }}\n"),
        ];
        fs::write(&config, configuration(folder, certificate, &servers.concat()))?;
        let child = nginx().arg("-c").arg(&config).spawn().context("cannot start nginx")?;
        let target = |address, tls| Target { address, tls };
        let nginx = Self {
            processes: Processes::of(&[Process::of(&child)]),
            child,
            version: version()?,
            http: target(http, Vec::new()),
            https: target(https, vec![certificate.connector.clone()]),
            certified: target(certified, certificate.phones.clone()),
            empty: target(empty, Vec::new()),
        };
        serves(http).await?;
        Ok(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked to end, the master ends its worker first; killed, it would leave it behind.
        Process::of(&self.child).terminate();
        let _ = self.child.wait();
    }
}

/// Debian keeps it where only root looks.
fn nginx() -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("nginx");
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command
}

fn version() -> Result<String> {
    let output = nginx().arg("-v").output()?;
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    let version = printed.split_whitespace().find(|word| word.starts_with("nginx/"));
    Ok(version.context("nginx does not say its version")?.to_owned())
}

/// nginx does not tell which ports it took, so they are looked for first.
fn free_addresses() -> Result<[SocketAddr; 4]> {
    let open = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listeners = [open()?, open()?, open()?, open()?];
    let [http, https, certified, empty] = listeners.each_ref().map(TcpListener::local_addr);
    Ok([http?, https?, certified?, empty?])
}

/// As Dialtone does: phones are asked for their certificates, and need not have one.
fn asking_for_certificates(certificate: &Certificate) -> String {
    format!("ssl_verify_client optional; ssl_client_certificate {}", certificate.manufacturer.display())
}

fn server(listen: &str, answer: &Answer) -> Result<String> {
    let body = std::str::from_utf8(&answer.body)?;
    ensure!(!body.contains(['\'', '\\']), "nginx would not take this text as it is");
    // A dollar sign would begin a variable, and then the text would not be fixed; an underscore is as long.
    let body = body.replace('$', "_");
    let content_type = &answer.content_type;
    Ok(format!("server {{ listen {listen}; default_type '{content_type}'; return 200 '{body}'; }}\n"))
}

/// One worker, no access log; connections live as long as the client wants. The rest are nginx's defaults.
fn configuration(folder: &Path, certificate: &Certificate, servers: &str) -> String {
    let folder = folder.display();
    let (certificate, key) = (certificate.file.display(), certificate.key_file.display());
    format!(
        "daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log stderr warn;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n\
         access_log off;\n\
         keepalive_requests 100000000;\n\
         ssl_protocols TLSv1.2 TLSv1.3;\n\
         ssl_certificate {certificate};\n\
         ssl_certificate_key {key};\n\
         client_body_temp_path {folder}/nginx-body;\n\
         proxy_temp_path {folder}/nginx-proxy;\n\
         fastcgi_temp_path {folder}/nginx-fastcgi;\n\
         uwsgi_temp_path {folder}/nginx-uwsgi;\n\
         scgi_temp_path {folder}/nginx-scgi;\n\
         {servers}}}\n"
    )
}

async fn serves(address: SocketAddr) -> Result<()> {
    let (tries, pause) = TRIES;
    for _ in 0..tries {
        if TcpStream::connect(address).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
    }
    anyhow::bail!("nginx does not serve")
}
