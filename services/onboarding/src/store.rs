//! The tables, and every statement on them, by what they are about.
//!
//! On PostgreSQL others write meanwhile, in this process and in others. So that what was read stays so, and no two wait
//! for each other, everybody takes what he needs in this order, and keeps it until his transaction ends:
//!
//! 1. the turn of guesses, of which there is one ([`turn_take`]): whoever charges budgets, grants codes, or takes a
//!    grant back. Only with it may somebody have several codes;
//! 2. the turn of a length ([`length_take`]): whoever may add to the codes of that length that a stranger could hit;
//! 3. a code ([`code_take`]): whoever changes it in any other way than by the first turn. Phones may wait for it, so what
//!    can take long comes before;
//! 4. the audit log.
//!
//! Statements that take many rows as one parameter have nothing in common on the two databases: `sqlite.rs`,
//! `postgres.rs`.

mod attempts;
mod budgets;
mod codes;
mod listing;
mod lookup;
mod postgres;
mod redeeming;
mod row;
mod sqlite;

pub(crate) use attempts::{Attempt, Kept, alert, attempts_of, forget, is_alerted, misses_of};
pub(crate) use codes::{
    LengthTaken, NewPersonal, code_extend, code_find, code_insert, code_limit, code_take, code_take_in_turn, code_turn,
    expected_of, is_taken, length_take, live_weight, live_weights, personal_insert, taken_among,
};
pub(crate) use listing::{ListQuery, code_counts, code_list};
pub(crate) use lookup::{Found, Question, find_typed};
#[cfg(test)]
pub(crate) use redeeming::turn_take;
pub(crate) use redeeming::{Redemption, Verdict, release, settle};
