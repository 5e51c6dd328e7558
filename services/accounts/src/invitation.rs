//! Invitations: whoever has the text may choose a person's password, once.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vocabulary::{Randomness, Secret};

/// How long an invitation is good for.
pub(crate) const GOOD_FOR: Duration = Duration::from_hours(7 * 24);

/// What is stored of an invitation: its SHA-256. It has 256 random bits, so that no salt and no slow hash is needed.
pub(crate) type Digest = [u8; 32];

/// A text of 43 characters that nobody can guess. `Debug` does not show it.
#[derive(Debug)]
pub(crate) struct Invitation(Secret<[u8; 32]>);

impl Invitation {
    /// A new one.
    pub fn draw(randomness: &Randomness) -> Self {
        Self(Secret::new(randomness.bytes()))
    }

    /// One as it was shown; `None` where the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self(Secret::new(bytes.try_into().ok()?)))
    }

    /// What to store, and to find it by.
    pub fn digest(&self) -> Digest {
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(digest(&SHA256, self.0.expose()).as_ref()) {
            *to = *from;
        }
        out
    }

    /// The text to show, this once.
    pub fn shown(&self) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(self.0.expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_is_found_again_by_its_text_and_not_by_another() {
        let invitation = Invitation::draw(&Randomness::seeded(1));
        let shown = invitation.shown();
        assert_eq!(shown.expose().len(), 43);
        assert_eq!(Invitation::parse(shown.expose()).map(|it| it.digest()), Some(invitation.digest()));
        assert_ne!(Invitation::draw(&Randomness::seeded(2)).digest(), invitation.digest());
        for text in ["", "abc", &shown.expose()[1..], &format!("{}=", shown.expose())] {
            assert!(Invitation::parse(text).is_none(), "{text}");
        }
        assert_eq!(format!("{invitation:?}"), "Invitation(Secret(****))");
    }
}
