//! What a process has used of the processors, by the kernel's own books.

use std::fs;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result};

/// `/proc` counts in hundredths of a second on every architecture of Linux (`USER_HZ`; proc(5)).
const TICK: Duration = Duration::from_millis(10);

/// A process that is measured.
#[derive(Debug, Clone, Copy)]
pub struct Process(u32);

/// Those that answer together.
#[derive(Debug, Clone)]
pub struct Processes(Vec<Process>);

impl Processes {
    pub fn of(all: &[Process]) -> Self {
        Self(all.to_vec())
    }

    /// Bytes that all of them have in memory.
    pub fn memory(&self) -> Result<u64> {
        self.0.iter().map(|process| process.memory()).sum()
    }

    /// Processor time used so far by all of them and their children.
    pub fn cpu(&self) -> Result<Duration> {
        self.0.iter().map(|process| process.cpu()).sum()
    }
}

/// Two fields of `/proc/PID/stat`.
struct Stat {
    parent: u32,
    cpu: Duration,
}

impl Process {
    pub fn of(child: &Child) -> Self {
        Self(child.id())
    }

    /// This program.
    pub fn own() -> Self {
        Self(std::process::id())
    }

    /// Processor time used so far without that of its children, in user and kernel mode together.
    pub fn cpu_alone(self) -> Result<Duration> {
        Ok(Stat::of(self.0).context("the process has ended")?.cpu)
    }

    /// The same with its children.
    pub fn cpu(self) -> Result<Duration> {
        let mut sum = self.cpu_alone()?;
        for entry in fs::read_dir("/proc")? {
            let pid = entry?.file_name().to_str().and_then(|name| name.parse().ok());
            // Other processes come and go meanwhile.
            let stat = pid.and_then(Stat::of);
            sum += stat.filter(|stat| stat.parent == self.0).map_or(Duration::ZERO, |stat| stat.cpu);
        }
        Ok(sum)
    }

    /// Bytes that it has in memory (`/proc/PID/status`; proc(5)).
    fn memory(self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).context("the process has ended")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes << 10)
    }

    /// Asks the process to end.
    pub fn terminate(self) {
        // It may have ended already.
        let _ = Command::new("sh").args(["-c", &format!("kill -TERM {} 2>/dev/null", self.0)]).status();
    }
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// `pid (name) state ppid …`, where the name may hold anything (proc(5), fields 4, 14 and 15).
    fn parse(line: &str) -> Option<Self> {
        let (_, fields) = line.rsplit_once(") ")?;
        let mut fields = fields.split(' ');
        let parent = fields.nth(1)?.parse().ok()?;
        let user: u32 = fields.nth(9)?.parse().ok()?;
        let system: u32 = fields.next()?.parse().ok()?;
        Some(Self { parent, cpu: TICK * (user + system) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parent_and_processor_time_are_read_behind_any_name() {
        let line = "42 (a) b) S 7 42 42 0 -1 4194304 1 2 3 4 150 50 9 9 20 0 1 0 100 1 1";
        let stat = Stat::parse(line).expect("a process");
        assert_eq!((stat.parent, stat.cpu), (7, Duration::from_secs(2)));
    }
}
