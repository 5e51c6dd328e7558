//! Activation codes under load: what a guesser learns, what he costs, and how many honest users get through.

mod desk;
pub mod guesses;
pub mod redemptions;
pub mod refusals;

/// So many wrong guesses are allowed to everybody together that none is throttled while something is measured. A
/// phone has the five that it always has.
const LARGE_BUDGETS: &str = "[codes]\nceiling_days = 0\n\
    network_per_day = 10000000\nnetwork_burst = 10000000\n\
    length_per_day = [10000000, 10000000, 10000000, 10000000, 10000000, 10000000, 10000000, \
    10000000, 10000000, 10000000, 10000000, 10000000, 10000000, 10000000]\n";
