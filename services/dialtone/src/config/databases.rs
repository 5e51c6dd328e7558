//! Where each service's data is.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rpc::Peer;
use serde::Deserialize;
use storage::Place;

/// A database for each service that owns data: `postgres://user@host/database`, or `sqlite:/path`. Left out, it is
/// a file in the data folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Databases {
    pub accounts: Option<String>,
    pub redirection: Option<String>,
    pub onboarding: Option<String>,
    pub customization: Option<String>,
    /// The password of all that are on a server and have none in their URL; left out, libpq's ways (`PGPASSFILE`).
    pub password_file: Option<PathBuf>,
}

impl Databases {
    /// The database of `peer`: the one that is named, or a file in the folder `databases`.
    pub fn place(&self, peer: Peer, databases: &Path) -> Result<Place> {
        let named = match peer {
            Peer::Accounts => self.accounts.as_ref(),
            Peer::Redirection => self.redirection.as_ref(),
            Peer::Onboarding => self.onboarding.as_ref(),
            Peer::Customization => self.customization.as_ref(),
            Peer::Gateway => None,
        };
        let Some(url) = named else { return Ok(Place::file(&databases.join(format!("{}.db", peer.name())))) };
        let place = self.with_password(url)?.parse();
        place.with_context(|| format!("databases.{}", peer.name()))
    }

    /// The URL with the password of the file, where it goes to a server as somebody without one.
    fn with_password(&self, url: &str) -> Result<String> {
        let (Some(file), Some((scheme, rest))) = (&self.password_file, url.split_once("://")) else {
            return Ok(url.to_owned());
        };
        let Some((user, place)) = rest.split_once('@').filter(|(user, _)| !user.contains([':', '/'])) else {
            return Ok(url.to_owned());
        };
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let password = text.trim_end_matches(['\r', '\n']);
        ensure!(!password.is_empty(), "{} is empty", file.display());
        Ok(format!("{scheme}://{user}:{}@{place}", utf8_percent_encode(password, NON_ALPHANUMERIC)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_the_file_goes_where_none_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("password");
        std::fs::write(&file, "p@ss:w/rd\n").expect("a file");
        let databases = Databases { password_file: Some(file), ..Databases::default() };
        let full = |url: &str| databases.with_password(url).expect("a URL");
        assert_eq!(full("postgres://jo@db/x"), "postgres://jo:p%40ss%3Aw%2Frd@db/x");
        for same in ["postgres://jo:own@db/x", "postgres://db/x", "sqlite:/data/x.db"] {
            assert_eq!(full(same), same);
        }
    }
}
