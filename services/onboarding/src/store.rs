//! The tables, and every statement on them, by what they are about.

mod attempts;
mod budgets;
mod codes;
mod listing;
mod lookup;
mod redeeming;
mod row;

use serde::Serialize;
use storage::StoreError;

pub(crate) use attempts::{Attempt, Kept, alert, attempts_of, forget, is_alerted, misses_of};
pub(crate) use codes::{
    NewPersonal, code_extend, code_find, code_insert, code_limit, code_turn, expected_of, is_taken, live_weight,
    live_weights, personal_insert, taken_among,
};
pub(crate) use listing::{ListQuery, code_counts, code_list};
pub(crate) use lookup::{Found, Question, find_typed};
pub(crate) use redeeming::{Redemption, Verdict, release, settle};

/// Many values as the one parameter of a statement.
fn json<T: Serialize + ?Sized>(values: &T) -> Result<String, StoreError> {
    serde_json::to_string(values).map_err(|error| StoreError::from(sqlx::Error::Encode(error.into())))
}
