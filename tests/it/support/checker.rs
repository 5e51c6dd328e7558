//! Decides whether what many saw at the same time can have happened one after the other (linearizability; Wing and
//! Gong, "Testing and verifying concurrent objects", 1993).
//!
//! A thing has at most one holder, and is taken, let go, handed on and looked at. Things do not depend on one another,
//! so that each has a history of its own, which is short. Searched is an order of its acts in which each act comes after
//! all that had ended before it began, and has the outcome that was seen. An act whose outcome nobody learned may have
//! come about at any time after it began, or never.

use std::collections::HashSet;

/// Who can hold a thing.
pub type Holder = u32;

/// What somebody tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Works where nobody else holds it.
    Take(Holder),
    /// Works for its holder.
    LetGo(Holder),
    /// Works where the first one holds it.
    HandOn(Holder, Holder),
    /// Works for its holder, and changes nothing.
    Look(Holder),
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Refused,
    /// Whoever tried it does not know.
    Unknown,
}

/// One act of a history; moments are numbers that grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    pub act: Act,
    pub outcome: Outcome,
    pub begun: u64,
    pub ended: u64,
}

/// The act does not work.
struct Impossible;

/// Who holds it after the act.
fn after(holder: Option<Holder>, act: Act) -> Result<Option<Holder>, Impossible> {
    match act {
        Act::Take(who) if holder.is_none_or(|holder| holder == who) => Ok(Some(who)),
        Act::LetGo(who) if holder == Some(who) => Ok(None),
        Act::HandOn(from, to) if holder == Some(from) => Ok(Some(to)),
        Act::Look(who) if holder == Some(who) => Ok(holder),
        Act::Take(_) | Act::LetGo(_) | Act::HandOn(..) | Act::Look(_) => Err(Impossible),
    }
}

/// Whether an order explains this history of one thing, which nobody holds at first.
pub fn is_explained(history: &[Tried]) -> bool {
    assert!(history.len() <= 128, "{} acts are too many for one thing", history.len());
    let mut history = history.to_vec();
    history.sort_by_key(|tried| tried.begun);
    Search { history, seen: HashSet::new() }.goes_on(0, None)
}

struct Search {
    history: Vec<Tried>,
    /// From where nothing leads to the end: which acts were placed, and who held it then.
    seen: HashSet<(u128, Option<Holder>)>,
}

impl Search {
    fn goes_on(&mut self, placed: u128, holder: Option<Holder>) -> bool {
        let open = |place: &usize| placed & (1 << place) == 0;
        let all: Vec<usize> = (0..self.history.len()).filter(open).collect();
        let known = all.iter().map(|place| &self.history[*place]).filter(|tried| tried.outcome != Outcome::Unknown);
        // Nothing that began after the first of these ended can come before it.
        let Some(limit) = known.map(|tried| tried.ended).min() else { return true };
        if !self.seen.insert((placed, holder)) {
            return false;
        }
        for place in all {
            let Tried { act, outcome, begun, .. } = self.history[place];
            if begun > limit {
                break;
            }
            let next = match (after(holder, act), outcome) {
                (Ok(next), Outcome::Done | Outcome::Unknown) => next,
                (Err(Impossible), Outcome::Refused) => holder,
                (Ok(_), Outcome::Refused) | (Err(Impossible), Outcome::Done | Outcome::Unknown) => continue,
            };
            if self.goes_on(placed | 1 << place, next) {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::Act::{HandOn, LetGo, Look, Take};
    use super::Outcome::{Done, Refused, Unknown};
    use super::*;

    fn history(all: &[(Act, Outcome, u64, u64)]) -> Vec<Tried> {
        all.iter().map(|&(act, outcome, begun, ended)| Tried { act, outcome, begun, ended }).collect()
    }

    #[test]
    fn what_can_have_happened_is_explained() {
        for good in [
            &[][..],
            &[(Take(1), Done, 0, 1), (Take(2), Refused, 2, 3), (LetGo(1), Done, 4, 5), (Take(2), Done, 6, 7)],
            // At the same time: the second one was first.
            &[(Take(1), Refused, 0, 9), (Take(2), Done, 1, 8)],
            &[(Take(1), Done, 0, 1), (HandOn(1, 2), Done, 2, 3), (Look(1), Refused, 4, 5), (Look(2), Done, 4, 5)],
            // Nobody learned of it, and it came about; or it did not; or later.
            &[(Take(1), Unknown, 0, 1), (Take(2), Refused, 2, 3)],
            &[(Take(1), Unknown, 0, 1), (Take(2), Done, 2, 3)],
            &[(Take(1), Unknown, 0, 1), (Look(1), Refused, 2, 3), (Look(1), Done, 4, 5)],
            &[(Take(1), Done, 0, 1), (Take(1), Done, 2, 3)],
        ] {
            assert!(is_explained(&history(good)), "{good:?}");
        }
    }

    #[test]
    fn what_cannot_have_happened_is_found() {
        for bad in [
            // Two have it.
            &[(Take(1), Done, 0, 5), (Take(2), Done, 1, 4)][..],
            // It was acknowledged and forgotten.
            &[(Take(1), Done, 0, 1), (Look(1), Refused, 2, 3)],
            &[(Take(1), Done, 0, 1), (Take(2), Done, 2, 3)],
            // It is refused for nobody's sake.
            &[(Take(1), Refused, 0, 1)],
            &[(Take(1), Done, 0, 1), (LetGo(1), Done, 2, 3), (Take(2), Refused, 4, 5)],
            // What was read is older than what was read before.
            &[(Take(1), Done, 0, 1), (HandOn(1, 2), Unknown, 2, 9), (Look(2), Done, 3, 4), (Look(1), Done, 5, 6)],
            // What nobody learned of cannot have come about before it began.
            &[(Take(2), Refused, 0, 1), (Take(1), Unknown, 2, 3)],
            &[(Take(1), Done, 0, 1), (HandOn(1, 2), Done, 2, 3), (HandOn(1, 3), Done, 2, 3)],
        ] {
            assert!(!is_explained(&history(bad)), "{bad:?}");
        }
    }
}
