//! Ids that say what they name: `prv_…` a provider, `prf_…` a profile, `cli_…` an API client,
//! `per_…` a person, `sec_…` one secret of a client, `cod_…` an activation code,
//! `rng_…` a block of addresses, `win_…` a claim window, `trf_…` a request for a transfer.

use std::fmt;
use std::str::FromStr;

use crate::Randomness;

/// Crockford's base 32 in lower case: no `i`, `l`, `o`, `u` to misread.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Twenty characters of five bits: 100 random bits, so ids never collide by luck.
const LENGTH: usize = 20;

/// The text is not an id of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind: expected {0} followed by 20 characters")]
pub struct InvalidId(&'static str);

fn draw(prefix: &str, randomness: &Randomness) -> String {
    let mut text = String::from(prefix);
    for byte in randomness.bytes::<LENGTH>() {
        let letter = ALPHABET.get(usize::from(byte & 31)).copied().unwrap_or(b'0');
        text.push(char::from(letter));
    }
    text
}

fn check(prefix: &'static str, text: &str) -> Result<String, InvalidId> {
    let rest = text.strip_prefix(prefix).ok_or(InvalidId(prefix))?;
    let fits = rest.len() == LENGTH && rest.bytes().all(|byte| ALPHABET.contains(&byte));
    if fits { Ok(text.to_owned()) } else { Err(InvalidId(prefix)) }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// A new id that nobody has.
            pub fn draw(randomness: &Randomness) -> Self {
                Self(draw($prefix, randomness))
            }

            /// The id as text, as stored and sent.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                check($prefix, text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A tenant of this cloud service: a service provider, or who stands above or below one in the tree.
    ProviderId,
    "prv_"
);
id!(
    /// A redirection profile of a provider.
    ProfileId,
    "prf_"
);
id!(
    /// A program's login: the `client_id` of OAuth 2.
    ClientId,
    "cli_"
);
id!(
    /// A person's login.
    PersonId,
    "per_"
);
id!(
    /// One of the secrets of a program's login: names it without telling it.
    SecretId,
    "sec_"
);
id!(
    /// An activation code: names it without telling its digits.
    CodeId,
    "cod_"
);
id!(
    /// A block of addresses that a provider was assigned.
    RangeId,
    "rng_"
);
id!(
    /// A time in which phones that show their certificates become a provider's.
    WindowId,
    "win_"
);
id!(
    /// A request of one provider for another's phone.
    TransferId,
    "trf_"
);

impl ProviderId {
    /// The operator's tenant, the root of the tree: the same in every installation.
    pub fn operator() -> Self {
        Self("prv_00000000000000000000".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_parses_back_and_other_kinds_do_not() {
        let id = ProviderId::draw(&Randomness::seeded(1));
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        assert!(id.as_str().parse::<ProfileId>().is_err());
        assert!("prv_".parse::<ProviderId>().is_err());
        assert!("prv_00000000000000000000x".parse::<ProviderId>().is_err());
        assert!("prv_0000000000000000000U".parse::<ProviderId>().is_err());
    }

    #[test]
    fn the_operators_id_is_an_id_like_any_other() {
        let id = ProviderId::operator();
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
    }
}
