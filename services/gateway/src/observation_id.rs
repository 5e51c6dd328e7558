//! Names an observation for ever, so that one which is sent twice is recorded once.

use vocabulary::{Randomness, Timestamp};

/// The moment `at` in microseconds, then eight random bytes, which tell apart what is observed at the
/// same moment.
///
/// One that is greater than all those of its phone is known to be new without being looked up.
pub(crate) fn observation_id(randomness: &Randomness, at: Timestamp) -> Vec<u8> {
    [at.as_micros().to_be_bytes(), randomness.bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_grow_with_time() {
        let randomness = Randomness::seeded(1);
        let name = |at| observation_id(&randomness, Timestamp::from_micros(at));
        let (first, second, later) = (name(1_000), name(1_000), name(1_001));
        assert_eq!((first.len(), second.len()), (16, 16));
        assert_ne!(first, second);
        assert!(first < later && second < later);
    }
}
