//! Refuses some work where there is more than can be done, so that the rest is done in time.
//!
//! Load is the number of requests under way: asked whole, and not yet answered. What is refused first is what can be
//! refused most cheaply, and misses an answer least:
//!
//! | from | refused | how |
//! |---|---|---|
//! | half of the bound | the API: a program waits and asks again | 503 and `Retry-After` |
//! | three quarters | whoever has a code, and phones that would get nothing | 503, unrecorded: they ask again by themselves (class C), while an empty 200 would make them give up |
//! | the bound | phones that are known, too | 503 |
//!
//! A phone that would get nothing is refused alike whether somebody owns it or not.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus_client::metrics::gauge::Gauge;

use crate::Gateway;
use crate::metrics::{PhoneAnswer, Shed};
use crate::phone::ask_again;
use crate::problem::Problem;

/// How long a program is to wait, in seconds. Phones come again after 60 s, and should find room.
const COME_AGAIN: u64 = 10;

/// How much is under way.
#[derive(Debug)]
pub(crate) struct Load {
    under_way: Gauge,
    most: i64,
}

/// A request under way, until it is dropped.
pub(crate) struct UnderWay(Gauge);

impl Load {
    /// With at most `most` requests under way, which are counted by `under_way`.
    pub fn new(most: usize, under_way: Gauge) -> Self {
        Self { under_way, most: i64::try_from(most).unwrap_or(i64::MAX) }
    }

    /// Whether there is too much under way for this kind of work, which is among it.
    pub fn sheds(&self, work: Shed) -> bool {
        let bound = match work {
            Shed::Program => self.most / 2,
            Shed::Code | Shed::PhoneWithoutAnswer => self.most / 4 * 3,
            Shed::Phone => self.most,
            Shed::Newcomer => return false,
        };
        self.under_way.get() > bound
    }

    /// One more is under way.
    pub fn enter(&self) -> UnderWay {
        self.under_way.inc();
        UnderWay(self.under_way.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Whether the gateway has too much under way for this work. What is refused is counted.
pub(crate) fn sheds(gateway: &Gateway, work: Shed) -> bool {
    let sheds = gateway.load().sheds(work);
    if sheds {
        gateway.metrics().shed(work);
    }
    sheds
}

/// For the JSON API.
pub(crate) async fn for_programs(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let _under_way = gateway.load().enter();
    if sheds(&gateway, Shed::Program) {
        return Problem::overloaded(COME_AGAIN).into_response();
    }
    next.run(request).await
}

/// For everything that phones do.
pub(crate) async fn for_phones(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let _under_way = gateway.load().enter();
    if sheds(&gateway, Shed::Phone) { refused(&gateway) } else { next.run(request).await }
}

/// For phones that have a code, inside [`for_phones`].
pub(crate) async fn for_codes(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    if sheds(&gateway, Shed::Code) { refused(&gateway) } else { next.run(request).await }
}

/// What a phone is told: to ask again.
pub(crate) fn refused(gateway: &Gateway) -> Response {
    gateway.metrics().phone_answered(PhoneAnswer::Unavailable);
    ask_again()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is refused with so many under way, of those that refuse nothing themselves.
    fn shed_with(under_way: usize) -> Vec<Shed> {
        let load = Load::new(8, Gauge::default());
        let _all: Vec<_> = (0..under_way).map(|_| load.enter()).collect();
        let kinds = [Shed::Program, Shed::Code, Shed::PhoneWithoutAnswer, Shed::Phone];
        kinds.into_iter().filter(|work| load.sheds(*work)).collect()
    }

    #[test]
    fn programs_go_first_and_known_phones_last() {
        assert_eq!(shed_with(4), []);
        assert_eq!(shed_with(5), [Shed::Program]);
        assert_eq!(shed_with(6), [Shed::Program]);
        assert_eq!(shed_with(7), [Shed::Program, Shed::Code, Shed::PhoneWithoutAnswer]);
        assert_eq!(shed_with(8), [Shed::Program, Shed::Code, Shed::PhoneWithoutAnswer]);
        assert_eq!(shed_with(9), [Shed::Program, Shed::Code, Shed::PhoneWithoutAnswer, Shed::Phone]);
    }

    #[test]
    fn what_is_answered_is_under_way_no_more() {
        let load = Load::new(1, Gauge::default());
        let first = load.enter();
        let second = load.enter();
        assert!(load.sheds(Shed::Phone));
        drop(first);
        assert!(!load.sheds(Shed::Phone));
        drop(second);
        assert!(!load.sheds(Shed::Program));
    }
}
