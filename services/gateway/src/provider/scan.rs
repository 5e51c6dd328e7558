//! Looks for phones in one state. The redirection service knows which phones there are, and the
//! customization service where they stand; neither can ask the other, so pages are read here and
//! phones in other states left out.

use contracts::customization::State;
use contracts::redirection::Device;

use super::state_name::States;

/// How many phones are read at once.
pub(super) const READ_AT_ONCE: u32 = 500;
/// How many are looked at for one answer.
const LOOKED_AT: usize = 10_000;

/// A search under way.
pub(super) struct Scan {
    wanted: State,
    /// How many phones the answer holds at most.
    limit: usize,
    looked_at: usize,
    /// What has been found.
    pub found: Vec<Device>,
}

/// How a search goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Read the page after this phone.
    Read { after: u64 },
    /// Answer. The search can go on after this phone; `None` at the end.
    Answer { after: Option<u64> },
}

impl Scan {
    pub const fn new(wanted: State, limit: usize) -> Self {
        Self { wanted, limit, looked_at: 0, found: Vec::new() }
    }

    /// Takes the phones that are in the wanted state; `more` says that others follow.
    pub fn take(&mut self, page: Vec<Device>, states: &States, more: bool) -> Next {
        let mut after = None;
        let mut rest = page.into_iter().peekable();
        while let Some(device) = rest.next() {
            after = Some(device.mac);
            self.looked_at += 1;
            if states.get(device.mac) == self.wanted {
                self.found.push(device);
            }
            if self.found.len() >= self.limit {
                return Next::Answer { after: after.filter(|_| more || rest.peek().is_some()) };
            }
        }
        match after {
            Some(after) if more && self.looked_at < LOOKED_AT => Next::Read { after },
            Some(_) | None => Next::Answer { after: after.filter(|_| more) },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(macs: std::ops::Range<u64>) -> Vec<Device> {
        macs.map(|mac| Device { mac, ..Device::default() }).collect()
    }

    fn macs(scan: &Scan) -> Vec<u64> {
        scan.found.iter().map(|device| device.mac).collect()
    }

    fn acquired(macs: &[u64]) -> States {
        States::known(macs.iter().map(|mac| (*mac, State::Acquired)))
    }

    #[test]
    fn it_stops_at_the_phone_that_fills_the_answer() {
        let mut scan = Scan::new(State::Acquired, 2);
        assert_eq!(scan.take(page(1..4), &acquired(&[2]), true), Next::Read { after: 3 });
        assert_eq!(scan.take(page(4..8), &acquired(&[4, 6]), false), Next::Answer { after: Some(4) });
        assert_eq!(macs(&scan), [2, 4]);
    }

    #[test]
    fn it_ends_where_no_phone_follows() {
        let mut scan = Scan::new(State::Open, 3);
        assert_eq!(scan.take(page(1..4), &acquired(&[]), false), Next::Answer { after: None });
        let mut scan = Scan::new(State::Open, 9);
        assert_eq!(scan.take(page(1..4), &acquired(&[1]), false), Next::Answer { after: None });
        assert_eq!(macs(&scan), [2, 3]);
        // A service that promises more and gives nothing must not keep us reading.
        assert_eq!(Scan::new(State::Open, 9).take(Vec::new(), &acquired(&[]), true), Next::Answer { after: None });
    }

    #[test]
    fn it_answers_with_what_there_is_when_it_took_long() {
        let mut scan = Scan::new(State::Acquired, 100);
        for start in (1..=9_501).step_by(500) {
            let wanted =
                if start == 9_501 { Next::Answer { after: Some(10_000) } } else { Next::Read { after: start + 499 } };
            assert_eq!(scan.take(page(start..start + 500), &acquired(&[]), true), wanted);
        }
        assert!(scan.found.is_empty());
    }

    proptest! {
        #[test]
        fn going_on_from_each_answer_finds_every_phone_once(
            wanted in prop::collection::btree_set(1..60u64, 0..60),
            (last, size, limit) in (0..60u64, 1..20u64, 1..10usize),
        ) {
            let in_state: Vec<u64> = wanted.into_iter().filter(|mac| *mac <= last).collect();
            let states = acquired(&in_state);
            let mut found = Vec::new();
            let mut after = Some(0);
            while let Some(start) = after {
                let mut scan = Scan::new(State::Acquired, limit);
                let mut read = start;
                after = loop {
                    let end = (read + size).min(last);
                    match scan.take(page(read + 1..end + 1), &states, end < last) {
                        Next::Read { after } => read = after,
                        Next::Answer { after } => break after,
                    }
                };
                prop_assert!(scan.found.len() <= limit);
                found.extend(macs(&scan));
            }
            prop_assert_eq!(found, in_state);
        }
    }
}
