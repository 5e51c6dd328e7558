//! One round: many clients, each of which asks again as soon as it has its answer, for a few seconds.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::Instant;

use crate::client::{Connection, Target};
use crate::process::{Process, Processes};
use crate::questions::Phones;

/// How long a round takes.
const LENGTH: Duration = Duration::from_secs(3);

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
    pub processes: Processes,
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
    /// How often somebody was told to ask again.
    pub put_off: u64,
    /// Processor time of the server.
    pub cpu: Duration,
    /// Processor time of those who asked.
    pub client_cpu: Duration,
}

/// How far a round has come; its clients share it.
struct Progress {
    first: u64,
    asked: Cell<u64>,
    put_off: Cell<u64>,
    most: u64,
    end: Instant,
}

impl Round {
    /// Runs it. Another `seed` lets the phones come in another order.
    pub async fn run(&self, seed: u64) -> Result<Measured> {
        LocalSet::new().run_until(self.run_clients(seed)).await
    }

    async fn run_clients(&self, seed: u64) -> Result<Measured> {
        let first = (seed + 1) << 32;
        // The first answer on a connection that is kept is not measured.
        let (clients, not_measured) = match self.connections {
            Connections::Kept(count) => (count, count),
            Connections::New(count) => (count, 0),
        };
        let mut open = Vec::new();
        for number in 0..clients {
            open.push(if number < not_measured { Some(self.opened(first + number).await?) } else { None });
        }
        let own = Process::own();
        let (begun, cpu, client_cpu) = (Instant::now(), self.contender.processes.cpu()?, own.cpu_alone()?);
        let (asked, put_off, most) = (Cell::new(not_measured), Cell::new(0), self.phones.most());
        let progress = Rc::new(Progress { first, asked, put_off, most, end: begun + LENGTH });
        let mut all = JoinSet::new();
        for kept in open {
            let target = self.contender.target.clone();
            all.spawn_local(ask_again_and_again(target, kept, self.phones.clone(), Rc::clone(&progress)));
        }
        while let Some(client) = all.join_next().await {
            client??;
        }
        let cpu = self.contender.processes.cpu()?.saturating_sub(cpu);
        let client_cpu = own.cpu_alone()?.saturating_sub(client_cpu);
        let answers = progress.asked.get() - not_measured;
        Ok(Measured { answers, took: begun.elapsed(), put_off: progress.put_off.get(), cpu, client_cpu })
    }

    async fn opened(&self, number: u64) -> Result<Connection> {
        let mut connection = Connection::open(&self.contender.target).await?;
        connection.ask(&self.phones, number).await?;
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
            Some(connection) => connection.ask(&phones, number).await?,
            None => Connection::open_as(&target, phones.place(number)).await?.ask(&phones, number).await?,
        };
    }
    let put_off = kept.map_or(0, |connection| connection.put_off);
    progress.put_off.set(progress.put_off.get() + put_off);
    Ok(())
}

impl Progress {
    /// The next question, unless the round is over. Every question is answered, or the run fails.
    fn next(&self) -> Option<u64> {
        let asked = self.asked.get();
        let goes_on = asked < self.most && Instant::now() < self.end;
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

    /// What one answer cost those who asked, in microseconds of processor time.
    pub fn client_cpu_micros(&self) -> f64 {
        self.client_cpu.as_secs_f64() * 1e6 / self.count()
    }

    fn count(&self) -> f64 {
        u32::try_from(self.answers).map_or(f64::INFINITY, f64::from)
    }
}
