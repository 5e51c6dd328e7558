//! What is served to whom, and how the server ends.

use std::net::{Ipv4Addr, SocketAddr};

use http::StatusCode;
use nps::{Answer, Content, DEMONSTRATION, Nps, NpsConfig, RunningNps};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const AGENT: &str = "User-Agent: Cisco-CP-7832-3PCC/11.0.1 (00562b043615)\r\n";

async fn serving(content: Content) -> RunningNps {
    Nps::start(NpsConfig { listen: LOOPBACK, content, credentials: None }).await.expect("a server")
}

async fn ask(server: &RunningNps, line: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
    let request = format!("{line} HTTP/1.1\r\nHost: nps\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("text");
    answer
}

#[tokio::test]
async fn a_template_is_filled_in_for_each_phone() {
    let server = serving(Content::Template(DEMONSTRATION.to_owned())).await;
    let answer = ask(&server, "GET /Cisco/0004F2AABBCC.cfg", AGENT).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("<User_ID_1_ ua=\"na\">0004f2aabbcc</User_ID_1_>"), "{answer}");
    assert!(answer.contains("Made for the CP-7832-3PCC with firmware 11.0.1"), "{answer}");
    assert!(!answer.contains("{mac}"), "{answer}");
    assert!(ask(&server, "GET /index.html", AGENT).await.starts_with("HTTP/1.1 404"));
    let head = ask(&server, "HEAD /0004f2aabbcc.xml", AGENT).await;
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(ask(&server, "DELETE /0004f2aabbcc.xml", AGENT).await.starts_with("HTTP/1.1 405"));
    server.stop().await;
}

#[tokio::test]
async fn a_folder_gives_its_files_and_no_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("profiles");
    std::fs::create_dir(&root).expect("a folder");
    std::fs::write(root.join("0004f2aabbcc.xml"), "<flat-profile/>").expect("a file");
    std::fs::write(folder.path().join("secret.xml"), "secret").expect("a file");
    let server = serving(Content::Folder(root)).await;
    assert!(ask(&server, "GET /0004f2aabbcc.xml", "").await.ends_with("\r\n\r\n<flat-profile/>"));
    for path in ["/missing.xml", "/../secret.xml", "/%2e%2e/secret.xml", "//secret.xml", "/"] {
        let answer = ask(&server, &format!("GET {path}"), "").await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn credentials_are_asked_for_and_checked() {
    let server = Nps::start(NpsConfig {
        listen: LOOPBACK,
        content: Content::Template(DEMONSTRATION.to_owned()),
        credentials: Some(("Aladdin".to_owned(), "open sesame".to_owned())),
    })
    .await
    .expect("a server");
    let refused = ask(&server, "GET /0004f2aabbcc.xml", "").await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    assert!(refused.to_ascii_lowercase().contains("www-authenticate: basic realm="), "{refused}");
    assert!(ask(&server, "GET /0004f2aabbcc.xml", "Authorization: Basic bm90OnRoaXM=\r\n").await.contains(" 401 "));
    // RFC 7617, section 2: the credentials of its example.
    let known = "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
    assert!(ask(&server, "GET /0004f2aabbcc.xml", known).await.starts_with("HTTP/1.1 200"));
    server.stop().await;
}

#[tokio::test]
async fn a_script_is_played_in_order_and_its_last_line_repeats() {
    let server = serving(Content::Script(vec![
        Answer::redirect("/there".parse().expect("a location")),
        Answer::status(StatusCode::SERVICE_UNAVAILABLE),
    ]))
    .await;
    let first = ask(&server, "GET /", "").await.to_ascii_lowercase();
    assert!(first.starts_with("http/1.1 302") && first.contains("location: /there"), "{first}");
    for _ in 0..2 {
        assert!(ask(&server, "GET /", "").await.starts_with("HTTP/1.1 503"));
    }
    server.stop().await;
}

#[tokio::test]
async fn after_stop_nobody_listens_and_a_taken_port_is_an_error() {
    let server = serving(Content::Script(Vec::new())).await;
    let address = server.address();
    let taken = NpsConfig { listen: address, content: Content::Script(Vec::new()), credentials: None };
    let refusal = Nps::start(taken).await.expect_err("the port is taken").to_string();
    assert!(refusal.contains(&address.to_string()), "{refusal}");
    let idle = TcpStream::connect(address).await.expect("a connection that asks nothing");
    server.stop().await;
    drop(idle);
    assert!(TcpStream::connect(address).await.is_err());
}
