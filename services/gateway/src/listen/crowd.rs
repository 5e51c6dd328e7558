//! How many connections there are at once, and who goes where there are too many.
//!
//! A connection that has not asked anything yet is a newcomer: it is in its handshake, or says nothing. Newcomers cost
//! memory and no answer, so there is a bound to them of their own. Where it is reached, the next connection
//! waits with the system, unserved and nearly for free, until a newcomer has asked. That is enough when many phones
//! come at once: no work is begun that would be thrown away. It is not enough when some come and say nothing:
//!
//! - who has said nothing for longer than any network takes to carry a word gives up the place, and so does who has
//!   spoken, after the time in which any network carries a handshake;
//! - a network that has more than half of the places gives up its oldest to another, and gets no more beside others.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::GatewayMetrics;
use crate::limits::Network;
use crate::metrics::Shed;

/// The first word comes a round trip after the connection.
const SILENT: Duration = Duration::from_millis(500);
/// Two more round trips and a first request.
const SLOW: Duration = Duration::from_secs(3);

/// All connections of some ports. Clones are the same.
#[derive(Debug, Clone)]
pub struct Crowd {
    connections: Arc<Semaphore>,
    newcomers: Arc<Newcomers>,
}

impl Crowd {
    /// At most so many connections, and at most so many newcomers among them.
    pub fn new(connections: usize, newcomers: usize, metrics: GatewayMetrics) -> Self {
        let newcomers = Newcomers { most: newcomers, table: Mutex::default(), left: Notify::new(), metrics };
        Self { connections: Arc::new(Semaphore::new(connections)), newcomers: Arc::new(newcomers) }
    }

    /// Waits until there may be one connection more. `None` never comes: the semaphore is not closed.
    pub(super) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.connections).acquire_owned().await.ok()
    }

    /// A place for a newcomer from `network`, as soon as there is one; `None` where it has too many already.
    pub(super) async fn admit(&self, network: Network) -> Option<Place> {
        loop {
            let left = self.newcomers.left.notified();
            let again_at = match self.newcomers.try_admit(network, Instant::now()) {
                Admission::To(place) => return Some(place),
                Admission::Refused => return None,
                Admission::NotBefore(moment) => moment,
            };
            tokio::select! {
                () = left => {}
                () = sleep_until(again_at) => {}
            }
        }
    }
}

#[derive(Debug)]
struct Newcomers {
    most: usize,
    table: Mutex<Table>,
    /// Told when one has left.
    left: Notify,
    metrics: GatewayMetrics,
}

/// Who is a newcomer, by arrival; and how many of each network.
#[derive(Debug, Default)]
struct Table {
    arrivals: u64,
    newcomers: BTreeMap<u64, Newcomer>,
    networks: HashMap<Network, usize>,
}

#[derive(Debug)]
struct Newcomer {
    network: Network,
    since: Instant,
    has_spoken: bool,
    /// Dropped where it has to go.
    _stays: oneshot::Sender<()>,
}

/// A newcomer's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    all: Arc<Newcomers>,
    stays: oneshot::Receiver<()>,
}

enum Admission {
    To(Place),
    Refused,
    NotBefore(Instant),
}

impl Newcomers {
    fn try_admit(self: &Arc<Self>, network: Network, now: Instant) -> Admission {
        let mut table = self.table();
        if table.newcomers.len() >= self.most {
            match table.who_goes(network, self.most, now) {
                Leaver::Oldest(number) => {
                    table.remove(number);
                    self.metrics.shed(Shed::Newcomer);
                }
                Leaver::Asker => {
                    self.metrics.shed(Shed::Newcomer);
                    return Admission::Refused;
                }
                Leaver::NobodyBefore(moment) => return Admission::NotBefore(moment),
            }
        }
        let (number, stays) = table.add(network, now);
        Admission::To(Place { number, all: Arc::clone(self), stays })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who makes room.
#[derive(Debug, PartialEq, Eq)]
enum Leaver {
    /// The newcomer with this number.
    Oldest(u64),
    /// Whoever wants to come in.
    Asker,
    /// Nobody until then, unless one asks.
    NobodyBefore(Instant),
}

impl Table {
    fn add(&mut self, network: Network, now: Instant) -> (u64, oneshot::Receiver<()>) {
        let (sender, stays) = oneshot::channel();
        self.arrivals += 1;
        self.newcomers.insert(self.arrivals, Newcomer { network, since: now, has_spoken: false, _stays: sender });
        *self.networks.entry(network).or_default() += 1;
        (self.arrivals, stays)
    }

    fn remove(&mut self, number: u64) {
        let Some(newcomer) = self.newcomers.remove(&number) else { return };
        if let Some(count) = self.networks.get_mut(&newcomer.network) {
            *count -= 1;
            if *count == 0 {
                self.networks.remove(&newcomer.network);
            }
        }
    }

    /// Who goes where all `most` places are taken, and one of `network` wants in.
    fn who_goes(&self, network: Network, most: usize, now: Instant) -> Leaver {
        let greedy = self.networks.iter().find(|(_, count)| **count * 2 > most).map(|(greedy, _)| *greedy);
        if let Some(greedy) = greedy.filter(|greedy| *greedy != network)
            && let Some((number, _)) = self.newcomers.iter().find(|(_, newcomer)| newcomer.network == greedy)
        {
            return Leaver::Oldest(*number);
        }
        let silent = self.newcomers.iter().find(|(_, newcomer)| !newcomer.has_spoken);
        let silent = silent.map(|(number, newcomer)| (newcomer.since + SILENT, *number));
        let oldest = self.newcomers.first_key_value().map(|(number, newcomer)| (newcomer.since + SLOW, *number));
        match silent.into_iter().chain(oldest).min() {
            Some((moment, number)) if moment <= now => Leaver::Oldest(number),
            Some(_) if greedy == Some(network) && self.networks.len() > 1 => Leaver::Asker,
            Some((moment, _)) => Leaver::NobodyBefore(moment),
            None => Leaver::NobodyBefore(now + SILENT),
        }
    }
}

impl Place {
    /// The newcomer has said something.
    pub fn note_word(&self) {
        if let Some(newcomer) = self.all.table().newcomers.get_mut(&self.number) {
            newcomer.has_spoken = true;
        }
    }

    /// Waits until somebody else needs the place more.
    pub async fn needed(&mut self) {
        // Nothing is ever sent: it ends with the sender.
        let _ = (&mut self.stays).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.table().remove(self.number);
        self.all.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str) -> Network {
        Network::of(address.parse().expect("an address"))
    }

    /// A table of four places with newcomers of these networks, one second apart, and the moment of the first.
    fn table(addresses: &[&str]) -> (Table, Instant) {
        let (mut table, begun) = (Table::default(), Instant::now());
        for (address, second) in addresses.iter().zip(0..) {
            table.add(network(address), begun + Duration::from_secs(second) / 10);
        }
        (table, begun)
    }

    const ONE: &str = "192.0.2.1";
    const OTHER: &str = "198.51.100.1";
    const THIRD: &str = "203.0.113.1";

    #[test]
    fn who_is_silent_or_slow_makes_room_and_nobody_else_does() {
        let (mut table, begun) = table(&[ONE, OTHER, ONE, OTHER]);
        let goes = |table: &Table, after: Duration| table.who_goes(network(THIRD), 4, begun + after);
        assert_eq!(goes(&table, Duration::ZERO), Leaver::NobodyBefore(begun + SILENT));
        assert_eq!(goes(&table, SILENT), Leaver::Oldest(1));
        // The second one came a tenth of a second later.
        table.newcomers.get_mut(&1).expect("the first").has_spoken = true;
        let second = SILENT + Duration::from_millis(100);
        assert_eq!(goes(&table, SILENT), Leaver::NobodyBefore(begun + second));
        assert_eq!(goes(&table, second), Leaver::Oldest(2));
        for newcomer in table.newcomers.values_mut() {
            newcomer.has_spoken = true;
        }
        assert_eq!(goes(&table, second), Leaver::NobodyBefore(begun + SLOW));
        assert_eq!(goes(&table, SLOW), Leaver::Oldest(1));
    }

    #[test]
    fn a_network_with_more_than_half_of_the_places_makes_room_for_others() {
        let (table, begun) = table(&[OTHER, ONE, ONE, ONE]);
        assert_eq!(table.who_goes(network(THIRD), 4, begun), Leaver::Oldest(2));
        assert_eq!(table.who_goes(network(OTHER), 4, begun), Leaver::Oldest(2));
        assert_eq!(table.who_goes(network(ONE), 4, begun), Leaver::Asker);
    }

    #[test]
    fn a_network_alone_waits_for_itself() {
        let (mut table, begun) = table(&[ONE, ONE, ONE, ONE]);
        assert_eq!(table.who_goes(network(ONE), 4, begun), Leaver::NobodyBefore(begun + SILENT));
        assert_eq!(table.who_goes(network(OTHER), 4, begun), Leaver::Oldest(1));
        table.remove(1);
        assert_eq!(table.networks[&network(ONE)], 3);
    }

    #[tokio::test]
    async fn whoever_has_asked_or_gone_leaves_the_place_to_the_next() {
        let crowd = Crowd::new(9, 2, GatewayMetrics::default());
        let admit = || crowd.admit(network(ONE));
        let (first, second) = (admit().await.expect("a place"), admit().await.expect("a place"));
        let waiting = tokio::spawn({
            let crowd = crowd.clone();
            async move { crowd.admit(network(ONE)).await.is_some() }
        });
        drop(first);
        assert!(waiting.await.expect("an end"));
        // One of another network does not wait: the oldest that is left goes.
        let mut second = second;
        let _third = admit().await.expect("a place");
        let _other = crowd.admit(network(OTHER)).await.expect("a place");
        second.needed().await;
    }
}
