//! One round: many clients, each of which asks again as soon as it has its answer, for a few seconds.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::Instant;

use crate::client::{Connection, Target};
use crate::process::Process;
use crate::questions::Phones;

/// How long a round takes.
const LENGTH: Duration = Duration::from_secs(3);
/// A round ends earlier after so many answers.
const MOST: u64 = 500_000;

/// How the clients connect.
#[derive(Debug, Clone, Copy)]
pub enum Connections {
    /// So many connections, each of which stays open.
    Kept(u64),
    /// A new connection for each question, so many at the same time.
    New(u64),
}

/// A server to be measured.
pub struct Contender {
    pub process: Process,
    pub target: Target,
}

/// What is asked of whom, and how.
pub struct Round {
    pub contender: Contender,
    pub connections: Connections,
    pub phones: Phones,
}

/// What a round showed.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub answers: u64,
    pub took: Duration,
    /// Processor time of the server.
    pub cpu: Duration,
}

/// How far a round has come; its clients share it.
struct Progress {
    first: u64,
    asked: Cell<u64>,
    end: Instant,
}

impl Round {
    /// Runs it. Another `seed` lets the phones come in another order.
    pub async fn run(&self, seed: u64) -> Result<Measured> {
        LocalSet::new().run_until(self.run_clients(seed)).await
    }

    async fn run_clients(&self, seed: u64) -> Result<Measured> {
        let mut open = Vec::new();
        let clients = match self.connections {
            Connections::Kept(count) | Connections::New(count) => count,
        };
        for number in 0..clients {
            open.push(match self.connections {
                // The first answer on a connection is not measured.
                Connections::Kept(_) => Some(self.opened(number).await?),
                Connections::New(_) => None,
            });
        }
        let (begun, cpu) = (Instant::now(), self.contender.process.cpu()?);
        let progress = Rc::new(Progress { first: (seed + 1) << 32, asked: Cell::new(0), end: begun + LENGTH });
        let mut all = JoinSet::new();
        for kept in open {
            let target = self.contender.target.clone();
            all.spawn_local(ask_again_and_again(target, kept, self.phones, Rc::clone(&progress)));
        }
        while let Some(client) = all.join_next().await {
            client??;
        }
        let cpu = self.contender.process.cpu()?.saturating_sub(cpu);
        Ok(Measured { answers: progress.asked.get(), took: begun.elapsed(), cpu })
    }

    async fn opened(&self, number: u64) -> Result<Connection> {
        let mut connection = Connection::open(&self.contender.target).await?;
        connection.ask(self.phones, number).await?;
        Ok(connection)
    }
}

async fn ask_again_and_again(
    target: Target,
    mut kept: Option<Connection>,
    phones: Phones,
    progress: Rc<Progress>,
) -> Result<()> {
    while let Some(number) = progress.next() {
        match &mut kept {
            Some(connection) => connection.ask(phones, number).await?,
            None => Connection::open(&target).await?.ask(phones, number).await?,
        };
    }
    Ok(())
}

impl Progress {
    /// The next question, unless the round is over. Every question is answered, or the run fails.
    fn next(&self) -> Option<u64> {
        let asked = self.asked.get();
        let goes_on = asked < MOST && Instant::now() < self.end;
        goes_on.then(|| {
            self.asked.set(asked + 1);
            self.first + asked
        })
    }
}

impl Measured {
    /// Answers in a second.
    pub fn rate(&self) -> f64 {
        self.count() / self.took.as_secs_f64()
    }

    /// The server's processor time for one answer, in microseconds.
    pub fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.count()
    }

    fn count(&self) -> f64 {
        u32::try_from(self.answers).map_or(f64::INFINITY, f64::from)
    }
}
