//! What testssl.sh, which looks for everything that is known to be wrong with TLS, says of the HTTPS port.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Server, Settings, install};

/// A certificate as an operator would buy it: short-lived, and with a place that tells what was revoked.
const EXTENSIONS: &str = "subjectAltName=DNS:localhost,IP:127.0.0.1\n\
     extendedKeyUsage=serverAuth\n\
     keyUsage=digitalSignature\n\
     authorityInfoAccess=OCSP;URI:http://127.0.0.1/ocsp\n\
     crlDistributionPoints=URI:http://127.0.0.1/crl\n";

fn openssl(folder: &Path, words: &str) {
    let words: Vec<_> = words.split_whitespace().collect();
    let done = Command::new("openssl").current_dir(folder).args(&words).output().expect("openssl runs");
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Makes `ca.pem`, `server.pem` and `server-key.pem`.
fn make_certificate(folder: &Path) {
    let curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(folder, &format!("req -x509 {curve} -keyout ca-key.pem -out ca.pem -days 300 -subj /CN=authority"));
    openssl(folder, &format!("req {curve} -keyout server-key.pem -out server.csr -subj /CN=localhost"));
    std::fs::write(folder.join("extensions"), EXTENSIONS).expect("a file");
    let sign = "x509 -req -in server.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial";
    openssl(folder, &format!("{sign} -days 90 -extfile extensions -out server.pem"));
}

/// Each finding as severity, name and words.
fn findings(server: &Server, ca: &Path, report: &Path) -> Vec<(String, String, String)> {
    let status = Command::new("testssl")
        .args(["--quiet", "--color", "0", "--warnings", "off", "--nodns", "min"])
        .args(["--add-ca", &ca.display().to_string(), "--jsonfile", &report.display().to_string()])
        .arg(&server.https)
        .output()
        .expect("testssl runs");
    let text = std::fs::read_to_string(report).unwrap_or_default();
    let all: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no report: {status:?}"));
    let word = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    all.iter().map(|one| (word(one, "severity"), word(one, "id"), word(one, "finding"))).collect()
}

#[test]
fn testssl_finds_nothing_above_low() {
    install(&["testssl", "openssl"]);
    let folder = tempfile::tempdir().expect("a folder");
    make_certificate(folder.path());
    let file = |name: &str| folder.path().join(name);
    let tls = format!(
        "[tls]\ncertificate_file = {:?}\nkey_file = {:?}\n",
        file("server.pem").display().to_string(),
        file("server-key.pem").display().to_string()
    );
    let server = Server::start_with(Settings { toml: tls });
    let all = findings(&server, &file("ca.pem"), &file("report.json"));
    // It has looked: these are things it always says something about.
    for name in ["TLS1", "TLS1_3", "heartbleed", "ROBOT", "cert_chain_of_trust"] {
        assert!(all.iter().any(|(_, id, _)| id.starts_with(name)), "nothing of {name}: {all:?}");
    }
    let above: Vec<_> = all.iter().filter(|(severity, ..)| !["OK", "INFO", "LOW"].contains(&&**severity)).collect();
    assert!(above.is_empty(), "{above:#?}");
}
