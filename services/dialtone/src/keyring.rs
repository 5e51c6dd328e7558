//! The keys of an installation. Each is read when something first needs it: a process that seals nothing starts
//! without the master key.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};
use vault::MasterKey;
use vocabulary::{Randomness, Secret};

use crate::config::Keys;
use crate::data_folder::{DataFolder, new_master, write_secret};

/// Where the keys are, and the master key once it was needed.
pub struct Keyring {
    folder: DataFolder,
    keys: Keys,
    randomness: Arc<Randomness>,
    master: OnceLock<MasterKey>,
}

impl Keyring {
    /// The keys that `keys` names, or else those in the folder.
    pub fn new(folder: &DataFolder, keys: &Keys, randomness: &Arc<Randomness>) -> Self {
        Self { folder: folder.clone(), keys: keys.clone(), randomness: Arc::clone(randomness), master: OnceLock::new() }
    }

    /// The key under which everything secret is kept, from where the configuration says. The default one is made
    /// where it is missing.
    pub fn master(&self) -> Result<&MasterKey> {
        if let Some(master) = self.master.get() {
            return Ok(master);
        }
        let master = self.read_master()?;
        Ok(self.master.get_or_init(|| master))
    }

    fn read_master(&self) -> Result<MasterKey> {
        if let Some(command) = &self.keys.master_command {
            return MasterKey::from_command(command).context("keys.master_command");
        }
        if let Some(file) = &self.keys.master_file {
            return MasterKey::from_file(file).context("keys.master_file");
        }
        let file = self.folder.master_file();
        if !file.exists() {
            write_secret(&file, &new_master(&self.randomness))?;
        }
        Ok(MasterKey::from_file(&file)?)
    }

    /// The key that signs the addresses phones report to, made where it is missing.
    pub fn report(&self) -> Result<Secret<[u8; 32]>> {
        let [report, _] = self.folder.wrapped_files();
        self.shared_or_own(self.keys.report_file.as_deref(), &report)
    }

    /// The key under which personal activation codes are kept, made where it is missing. Without it, none of them
    /// is known any more.
    pub fn codes(&self) -> Result<Secret<[u8; 32]>> {
        let [_, codes] = self.folder.wrapped_files();
        self.shared_or_own(self.keys.codes_file.as_deref(), &codes)
    }

    /// The key of the file that several processes share, or else the one of this folder.
    fn shared_or_own(&self, shared: Option<&Path>, own: &Path) -> Result<Secret<[u8; 32]>> {
        match shared {
            Some(file) => Ok(vault::key_file(file)?),
            None => Ok(vault::wrapped_file(own, self.master()?, &self.randomness)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn keyring(place: &Path, keys: &Keys) -> Keyring {
        let folder = DataFolder::open(place).expect("a data folder");
        Keyring::new(&folder, keys, &Arc::new(Randomness::seeded(1)))
    }

    #[test]
    fn keys_are_made_once_and_kept() {
        let place = tempfile::tempdir().expect("a folder");
        let first = keyring(place.path(), &Keys::default());
        let key = first.report().expect("a key");
        let again = keyring(place.path(), &Keys::default());
        assert_eq!(key, again.report().expect("the same key"));
        assert_ne!(key, again.codes().expect("another key"));
        for name in ["keys/master.key", "keys/report.key"] {
            let mode = std::fs::metadata(place.path().join(name)).expect("the file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn whoever_is_given_its_key_needs_no_master_key() {
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join("given");
        std::fs::write(&file, "ab".repeat(32)).expect("a file");
        let keys = Keys {
            report_file: Some(file.clone()),
            codes_file: Some(file),
            master_file: Some(place.path().join("nowhere")),
            ..Keys::default()
        };
        let keyring = keyring(place.path(), &keys);
        assert_eq!(keyring.report().expect("a key").expose(), &[0xab; 32]);
        assert_eq!(keyring.codes().expect("a key").expose(), &[0xab; 32]);
        assert!(keyring.master().is_err());
    }
}
