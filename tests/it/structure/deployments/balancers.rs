//! The balancers in front of gateways, run as they are before a real gateway: they do not open TLS.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command};

use tempfile::TempDir;

use super::{deploy, install, succeed, text};
use crate::support::{Manufacturer, Metrics, Server, eventually};

/// A balancer that runs. Dropping it ends it.
struct Balancer {
    process: Child,
    folder: TempDir,
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // It may have ended already. Of nginx, this ends the workers as well.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

/// The last part of `http://localhost:8080`.
fn port(url: &str) -> &str {
    url.rsplit(':').next().expect("a port")
}

/// The configuration in front of one gateway that lives and one that does not, without what needs the network's help.
fn in_front_of(server: &Server, text: &str, transparent: &str) -> String {
    assert!(text.contains(transparent), "{transparent} is gone");
    text.replace(transparent, "")
        .replace("192.0.2.11:8443", &format!("127.0.0.1:{}", port(&server.https)))
        .replace("192.0.2.11:8080", &format!("127.0.0.1:{}", port(&server.http)))
        .replace("192.0.2.12:8443", "127.0.0.1:1")
        .replace("192.0.2.12:8080", "127.0.0.1:1")
        .replace("check port 9464", &format!("check port {}", port(&server.internal)))
}

impl Balancer {
    /// Starts `command` on the configuration; sockets in the folder stand for its ports.
    fn start(configuration: impl Fn(&Path) -> String, command: impl Fn(&Path, &Path) -> Command) -> Self {
        let folder = TempDir::new().expect("a folder");
        // nginx' workers belong to another user.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("its mode");
        let file = folder.path().join("configuration");
        std::fs::write(&file, configuration(folder.path())).expect("the configuration");
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let process = command(&file, folder.path()).env("PATH", path).spawn().expect("the balancer starts");
        Self { process, folder }
    }

    /// A phone asks over both ports and is answered by the gateway. Over TLS, it believes nobody but the gateway.
    fn passes_on(&self, server: &Server) {
        let acme = Manufacturer::new("acme");
        let question = "/software/edos/callhome/rc?id=00562b043615";
        for name in ["https", "http"] {
            let socket = self.folder.path().join(name).display().to_string();
            let certificate = acme.phone("00562b043615", "FCH2034D0PL");
            let answer = || {
                let over_tls = || certificate.shown_with(server.ask(question));
                let asked = if name == "https" { over_tls() } else { server.ask_plainly(question) };
                asked.with(&["--unix-socket", &socket]).attempt().ok()
            };
            // One of two gateways is dead; until that is known, a connection may end there.
            eventually("an answer", || answer().filter(|answer| answer.status == 200));
        }
        // The gateway itself has seen the phone's certificate, and does not know who made it.
        let seen = "dialtone_device_certificates_total{manufacturer=\"unknown\",verdict=\"Untrusted\"}";
        assert!(Metrics::of(server).value(seen) > 0);
    }
}

#[test]
fn haproxy_passes_phones_on_unopened() {
    install(&["haproxy"]);
    succeed(Command::new("haproxy").args(["-c", "-f"]).arg(deploy("balancers/haproxy.cfg")));
    let text = text("balancers/haproxy.cfg");
    assert!(!text.contains("send-proxy") && !text.contains(" ssl"), "the gateway hears the phone itself");
    let server = Server::start();
    let configuration = |folder: &Path| {
        in_front_of(&server, &text, "    source 0.0.0.0 usesrc clientip\n")
            .replace("bind :443", &format!("bind unix@{}/https", folder.display()))
            .replace("bind :80", &format!("bind unix@{}/http", folder.display()))
            // As many as a test may open.
            .replace("maxconn 100000", "maxconn 100")
    };
    let balancer = Balancer::start(configuration, |file, _| {
        let mut command = Command::new("haproxy");
        command.args(["-db", "-q", "-f"]).arg(file);
        command
    });
    balancer.passes_on(&server);
}

#[test]
fn nginx_passes_phones_on_unopened() {
    install(&["nginx", "libnginx-mod-stream"]);
    let text = text("balancers/nginx.conf");
    assert!(!text.contains("proxy_protocol") && !text.contains(" ssl"), "the gateway hears the phone itself");
    let nginx = |file: &Path, folder: &Path| {
        let mut command = Command::new("nginx");
        let globally = format!("daemon off; pid {}/pid;", folder.display());
        command.args(["-e", "stderr", "-g", &globally, "-c"]).arg(file);
        command
    };
    let folder = TempDir::new().expect("a folder");
    succeed(nginx(&deploy("balancers/nginx.conf"), folder.path()).arg("-t"));
    let server = Server::start();
    let configuration = |folder: &Path| {
        in_front_of(&server, &text, "    proxy_bind $remote_addr transparent;\n")
            .replace("listen 443 backlog=65535", &format!("listen unix:{}/https", folder.display()))
            .replace("listen 80 backlog=65535", &format!("listen unix:{}/http", folder.display()))
            .replace("worker_rlimit_nofile 200000;", "")
            .replace("worker_connections 65536", "worker_connections 100")
    };
    let balancer = Balancer::start(configuration, nginx);
    balancer.passes_on(&server);
}
