//! The audit logs of all services as one, newest first.

use std::collections::VecDeque;

use contracts::audit::{Act, ListActsRequest, ListActsResponse};
use rpc::within;

use super::audit_cursor::{Cursor, LOGS};
use crate::Gateway;
use crate::backends::PROVIDER_DEADLINE;
use crate::problem::Problem;

/// A page of acts, and where the next begins.
pub(super) struct Page {
    pub acts: Vec<Act>,
    pub next: Cursor,
}

/// Asks every log that holds more for the page that may come next, and merges their answers. `question`
/// holds the filters and the limit.
pub(super) async fn page(gateway: &Gateway, question: &ListActsRequest, at: Cursor) -> Result<Page, Problem> {
    let mut logs: [ListActsResponse; LOGS] = Default::default();
    for (number, answer) in logs.iter_mut().enumerate() {
        let (Some(service), Some(before)) = (gateway.backends().audit.get(number), at.0.get(number)) else { continue };
        if at.is_at_end(number) {
            continue;
        }
        let request = ListActsRequest { before: *before, ..question.clone() };
        *answer = service.clone().list_acts(within(PROVIDER_DEADLINE, request)).await?.into_inner();
    }
    Ok(merge(logs, at, usize::try_from(question.limit).unwrap_or(usize::MAX)))
}

/// The newest `limit` acts of these pages. Within a log its order holds, whatever its clock said.
fn merge(logs: [ListActsResponse; LOGS], at: Cursor, limit: usize) -> Page {
    let more = logs.each_ref().map(|log| log.more);
    let mut waiting = logs.map(|log| VecDeque::from(log.acts));
    let mut page = Page { acts: Vec::new(), next: at };
    while page.acts.len() < limit {
        let newest = waiting.iter().enumerate().filter_map(|(log, acts)| Some((acts.front()?.at, log)));
        let Some((_, log)) = newest.max_by_key(|(at, log)| (*at, std::cmp::Reverse(*log))) else { break };
        if let Some(act) = waiting.get_mut(log).and_then(VecDeque::pop_front) {
            page.next.go_to(log, act.number);
            page.acts.push(act);
        }
    }
    for (log, (acts, more)) in waiting.iter().zip(more).enumerate() {
        if acts.is_empty() && !more {
            page.next.end(log);
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a service would answer: the acts of its log, oldest first in `log`, below `before`.
    fn list(log: &[i64], before: u64, limit: usize) -> ListActsResponse {
        let below = |number: &u64| before == 0 || *number < before;
        let numbered = (1..).zip(log).filter(|(number, _)| below(number));
        let mut acts: Vec<Act> = numbered.map(|(number, at)| Act { number, at: *at, ..Act::default() }).collect();
        acts.reverse();
        let more = acts.len() > limit;
        ListActsResponse { acts: acts.into_iter().take(limit).collect(), more }
    }

    proptest! {
        #[test]
        fn page_after_page_every_act_is_shown_once(
            logs in prop::array::uniform4(prop::collection::vec(0..20i64, 0..8)),
            limit in 1..6usize,
        ) {
            let (mut cursor, mut shown, mut pages) = (Cursor::default(), Vec::new(), 0);
            while !cursor.is_over() {
                let answers = std::array::from_fn(|log| {
                    if cursor.is_at_end(log) { ListActsResponse::default() } else { list(&logs[log], cursor.0[log], limit) }
                });
                let page = merge(answers, cursor, limit);
                prop_assert!(page.acts.len() <= limit);
                shown.extend(page.acts.iter().map(|act| (act.number, act.at)));
                cursor = page.next.text().parse().expect("our own cursor");
                pages += 1;
                prop_assert!(pages < 100);
            }
            let mut wanted: Vec<_> = logs.iter().flat_map(|log| (1..).zip(log.iter().copied())).collect();
            wanted.sort_unstable();
            let mut sorted = shown.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, wanted);
        }

        #[test]
        fn logs_in_order_of_time_are_merged_in_order_of_time(
            mut logs in prop::array::uniform4(prop::collection::vec(0..50i64, 0..8)),
        ) {
            for log in &mut logs {
                log.sort_unstable();
            }
            let page = merge(std::array::from_fn(|log| list(&logs[log], 0, 100)), Cursor::default(), 100);
            prop_assert!(page.acts.is_sorted_by_key(|act| -act.at));
            prop_assert!(page.next.is_over());
        }
    }
}
