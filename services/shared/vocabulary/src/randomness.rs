//! Randomness as an argument: ids, secrets and personal codes are drawn from here.

use std::sync::{Mutex, PoisonError};

use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};

/// A source of random bytes fit for secrets (a ChaCha generator), shared by all users of a service.
#[derive(Debug)]
pub struct Randomness(Mutex<StdRng>);

impl Randomness {
    /// A generator seeded by the operating system.
    ///
    /// # Errors
    /// The operating system has no random bytes to give; nothing secret may be made then.
    pub fn system() -> std::io::Result<Self> {
        let generator = StdRng::try_from_rng(&mut SysRng).map_err(std::io::Error::other)?;
        Ok(Self(Mutex::new(generator)))
    }

    /// A generator that gives the same bytes for the same seed, for tests.
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        // A generator has no state that a panic elsewhere could have left half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::Randomness;

    #[test]
    fn a_seed_repeats_and_the_system_does_not() {
        assert_eq!(Randomness::seeded(7).bytes::<16>(), Randomness::seeded(7).bytes::<16>());
        let system = Randomness::system().expect("this machine has randomness");
        assert_ne!(system.bytes::<16>(), system.bytes::<16>());
    }
}
