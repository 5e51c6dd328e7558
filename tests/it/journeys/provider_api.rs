//! The provider's side as its engineer uses it: over HTTPS, with curl.

mod devices;
mod listing;
mod profiles;
mod refusals;
mod tenants;
mod tokens;

use serde_json::Value;

use crate::support::Answer;

/// A problem without its request id, to be compared with another.
#[track_caller]
fn told(answer: &Answer, status: u16, reason: &str) -> Value {
    let mut problem = answer.problem(status, reason);
    problem.as_object_mut().expect("an object").remove("request_id");
    problem
}
