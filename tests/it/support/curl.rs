//! Requests made by curl: a third-party client that speaks every version of HTTP we promise.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::build::install;

/// Stands between answers; no answer holds it.
const END: char = '\u{1e}';

/// One request, as curl's command line.
pub struct Curl {
    arguments: Vec<String>,
    body: Option<String>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// `1`, `1.1` or `2`, as curl names them.
    pub version: String,
    /// Names in lower case, in the order of arrival, without the date.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Curl {
    pub fn get(url: &str) -> Self {
        make_sure_of_curl();
        let fixed = ["--silent", "--show-error", "--max-time", "20", "--path-as-is", "--globoff"];
        let mut arguments: Vec<String> = fixed.map(str::to_owned).into();
        arguments.extend(["--include".into(), "--write-out".into(), "\n%{http_version} %{http_code}".into()]);
        arguments.push(url.to_owned());
        Self { arguments, body: None }
    }

    /// Adds words of curl's own, such as `--http1.0`.
    pub fn with(mut self, words: &[&str]) -> Self {
        self.arguments.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    pub fn trusting(self, ca: &Path) -> Self {
        self.with(&["--cacert", &ca.display().to_string()])
    }

    pub fn method(self, method: &str) -> Self {
        if method == "HEAD" { self.with(&["--head"]) } else { self.with(&["--request", method]) }
    }

    pub fn header(self, line: &str) -> Self {
        self.with(&["--header", line])
    }

    pub fn json(mut self, body: &str) -> Self {
        self.body = Some(body.to_owned());
        self.header("Content-Type: application/json").with(&["--data-binary", "@-"])
    }

    pub fn form(mut self, body: &str) -> Self {
        self.body = Some(body.to_owned());
        self.with(&["--data-binary", "@-"])
    }

    /// The answers to many requests, made one after the other by one curl on as few connections as it
    /// needs. Panics where one has no answer.
    pub fn send_all(requests: Vec<Self>) -> Vec<Answer> {
        let wanted = requests.len();
        let mut all = Self { arguments: Vec::new(), body: None };
        for request in requests {
            let body = request.body.unwrap_or_default();
            let words = request.arguments.into_iter().map(|word| if word == "@-" { body.clone() } else { word });
            all.arguments.extend(words);
            all = all.with(&["--write-out", &format!("\n%{{http_version}} %{{http_code}}{END}"), "--next"]);
        }
        all.arguments.pop();
        let text = all.run().expect("answers");
        let answers: Vec<_> = text.split_terminator(END).map(Answer::parse).collect();
        assert_eq!(answers.len(), wanted);
        answers
    }

    /// The answer; panics where there is none.
    pub fn send(self) -> Answer {
        self.attempt().expect("an answer")
    }

    /// The answer, or what curl says of its absence.
    pub fn attempt(self) -> Result<Answer, String> {
        self.run().map(|text| Answer::parse(&text))
    }

    fn run(self) -> Result<String, String> {
        let mut curl = Command::new("curl")
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("curl can be run");
        let mut input = curl.stdin.take().expect("curl's input");
        // Where curl does not read it, there was no body to send.
        let _ = input.write_all(self.body.unwrap_or_default().as_bytes());
        drop(input);
        let output = curl.wait_with_output().expect("curl ends");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (text, last) = text.rsplit_once('\n').expect("the written-out line");
        let (version, status) = last.split_once(' ').expect("version and status");
        let mut rest = text;
        let mut head = "";
        // An interim answer (100 Continue) stands before the final one.
        while rest.starts_with("HTTP/") {
            (head, rest) = rest.split_once("\r\n\r\n").unwrap_or((rest, ""));
        }
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers = lines.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
        Self {
            status: status.parse().expect("a status"),
            version: version.to_owned(),
            headers: headers.filter(|(name, _)| name != "date").collect(),
            body: rest.to_owned(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The problem document (RFC 9457), if this is a whole one with that status and that reason.
    #[track_caller]
    pub fn problem(&self, status: u16, reason: &str) -> serde_json::Value {
        assert_eq!((self.status, self.header("content-type")), (status, Some("application/problem+json")), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["type"], format!("urn:dialtone:problem:{reason}"), "{self:?}");
        assert_eq!(problem["status"], status, "{self:?}");
        for name in ["title", "detail"] {
            assert!(problem[name].as_str().is_some_and(|text| text.len() > 8), "{name}: {self:?}");
        }
        let id = self.header("x-request-id").filter(|id| id.len() == 16);
        assert!(id.is_some() && problem["request_id"].as_str() == id, "{self:?}");
        problem
    }

    /// This answer, if it has the expected status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

fn make_sure_of_curl() {
    static THERE: OnceLock<()> = OnceLock::new();
    THERE.get_or_init(|| install(&["curl"]));
}
