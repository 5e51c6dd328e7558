//! People who log in with a password, and the authenticator that makes their codes.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;

use super::build::install;
use super::curl::{Answer, Curl};
use super::provider::Login;
use super::server::Server;

/// A person with a password.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: String,
    pub email: String,
    pub password: String,
}

impl Person {
    /// Invited by `by` and active: the invitation was accepted with this password.
    pub fn invited(server: &Server, by: &Login, (email, role): (&str, &str), password: &str) -> Self {
        let wish = json!({ "email": email, "role": role }).to_string();
        let made = by.ask(server, "/v1/people").json(&wish).send().expect(201).json();
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        let acceptance = json!({ "invitation": text(&made["invitation"]), "password": password }).to_string();
        server.ask("/v1/invitations").json(&acceptance).send().expect(200);
        Self { id: text(&made["person"]["id"]), email: email.to_owned(), password: password.to_owned() }
    }

    /// The person tries to log in with this password, and a code unless it is empty.
    pub fn attempt(&self, server: &Server, password: &str, code: &str) -> Answer {
        self.attempt_from(server, "127.0.0.1", (password, code)).send()
    }

    /// The same from one of this machine's own addresses, 127.0.0.0/8.
    pub fn attempt_from(&self, server: &Server, address: &str, (password, code): (&str, &str)) -> Curl {
        let body = json!({ "email": self.email, "password": password, "totp": code }).to_string();
        let https = server.https.replace("localhost", "127.0.0.1");
        let curl = Curl::get(&format!("{https}/v1/login")).trusting(&server.ca());
        curl.with(&["--interface", address]).json(&body)
    }

    /// The token of the person, who has no second factor.
    pub fn token(&self, server: &Server) -> String {
        let got = self.attempt(server, &self.password, "").expect(200).json();
        got["access_token"].as_str().expect("a token").to_owned()
    }
}

/// What shows a person's codes: a program that others wrote.
pub struct Authenticator {
    /// In base 32, as it was shown once.
    pub secret: String,
}

impl Authenticator {
    /// The secret itself.
    pub fn secret_in_bytes(&self) -> Vec<u8> {
        let mut base32 = Command::new("base32")
            .arg("--decode")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("base32 runs");
        base32.stdin.take().expect("its input").write_all(self.secret.as_bytes()).expect("written");
        let decoded = base32.wait_with_output().expect("it ends");
        assert!(decoded.status.success(), "{decoded:?}");
        decoded.stdout
    }

    /// Has `put` hand in the code of the step before this one, so that those of this and the next are still to be used.
    /// That step may end meanwhile, and its code with it; but not twice in a row.
    pub fn confirm(&self, put: impl Fn(String) -> Answer) -> Answer {
        let answer = put(self.code(-1));
        if answer.status == 200 { answer } else { put(self.code(-1)) }
    }

    /// The code of the step that is `steps` from the present one.
    pub fn code(&self, steps: i64) -> String {
        install(&["oathtool"]);
        let at = format!("{:+} seconds", steps * 30);
        let made = Command::new("oathtool")
            .args(["--totp", "--base32", "--now", &at, &self.secret])
            .output()
            .expect("oathtool runs");
        assert!(made.status.success(), "{made:?}");
        String::from_utf8_lossy(&made.stdout).trim().to_owned()
    }
}
