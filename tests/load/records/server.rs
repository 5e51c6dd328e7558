//! A PostgreSQL of its own, which waits for the disk with each commit, as one in earnest does.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result};
use storage::Place;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/postgres");

/// A running server. Dropping it ends it.
pub struct Server {
    child: Child,
    /// It runs until this is closed.
    input: Option<ChildStdin>,
    url: String,
}

impl Server {
    /// Starts it, and waits until it answers.
    pub fn start() -> Result<Self> {
        let mut command = Command::new(PROGRAM);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context(PROGRAM)?;
        let mut lines = BufReader::new(child.stdout.take().context("it has no output")?);
        let mut line = || -> Result<String> {
            let mut line = String::new();
            lines.read_line(&mut line)?;
            Ok(line.trim_end().to_owned())
        };
        // The second line names its folder.
        let (url, _) = (line()?, line()?);
        Ok(Self { input: child.stdin.take(), child, url })
    }

    /// Its one database, which is empty.
    pub fn place(&self) -> Result<Place> {
        self.url.parse().context("no PostgreSQL; what is printed above says why")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take());
        // It has ended by itself where that fails.
        let _ = self.child.wait();
    }
}
