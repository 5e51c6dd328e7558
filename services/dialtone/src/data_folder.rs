//! What lies where in the data folder, and the lock that keeps two servers out of it.
//!
//! ```text
//! data/databases/*.db   one for each service; and queue.db, what the gateway could not hand on yet
//! data/keys/            master.key wraps the others, unless the configuration names one elsewhere;
//!                       report.key signs the addresses phones report to,
//!                       codes.key digests personal activation codes
//! data/tls/             the development authority (ca.pem) and the certificate it made
//! data/demo.json        the demonstration's credentials
//! data/lock             held while a server runs
//! ```

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rpc::Peer;
use vocabulary::Randomness;

/// The data folder of one installation.
#[derive(Debug, Clone)]
pub struct DataFolder(PathBuf);

/// Held while a server runs on the folder; another one is refused.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl DataFolder {
    /// The folder at `path`, made where it is missing. What is secret in it is for its owner only.
    pub fn open(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("cannot make the data folder {}", path.display()))?;
        let folder = Self(path.to_owned());
        make_private(&folder.0.join("keys"))?;
        make_private(&folder.tls())?;
        Ok(folder)
    }

    /// Makes sure that no other server runs on the folder.
    pub fn lock(&self) -> Result<Lock> {
        self.locked("lock")
    }

    /// Makes sure that no other process of the same service runs on the folder. Those of other services may, but not a
    /// server that is everything in one.
    pub fn lock_for(&self, only: Option<Peer>) -> Result<[Lock; 2]> {
        let Some(peer) = only else { return Ok([self.lock()?, self.locked("lock.all")?]) };
        let shared = OpenOptions::new().create(true).truncate(false).write(true).open(self.0.join("lock.all"))?;
        match shared.try_lock_shared() {
            Ok(()) => Ok([Lock { _file: shared }, self.locked(&format!("lock.{}", peer.name()))?]),
            Err(_) => bail!("another dialtone runs on {} as a whole; stop it first", self.0.display()),
        }
    }

    fn locked(&self, name: &str) -> Result<Lock> {
        let path = self.0.join(name);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => {
                bail!("another dialtone runs on {}; stop it, or choose another folder with --data", self.0.display())
            }
            Err(TryLockError::Error(error)) => Err(error).context("cannot lock the data folder"),
        }
    }

    /// Where the databases are, or will be.
    pub fn databases(&self) -> PathBuf {
        self.0.join("databases")
    }

    /// Where databases are prepared before they are moved to their place as a whole.
    pub fn unfinished_databases(&self) -> PathBuf {
        self.0.join("databases.new")
    }

    /// Where the key that signs tokens was, before there could be several; they are in a database now.
    pub fn old_token_key(&self) -> PathBuf {
        self.0.join("keys/token.pem")
    }

    /// Takes that file away, once the database has the key: there it is sealed, and here it is not.
    pub fn remove_old_token_key(&self) -> Result<()> {
        let file = self.old_token_key();
        match fs::remove_file(&file) {
            Ok(()) => Ok(sync_folder(&file)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error).with_context(|| format!("cannot remove {}", file.display())),
        }
    }

    /// Where the master key is, unless the configuration names another place.
    pub fn master_file(&self) -> PathBuf {
        self.0.join("keys/master.key")
    }

    /// The files that hold keys wrapped with the master key.
    pub fn wrapped_files(&self) -> [PathBuf; 2] {
        ["report.key", "codes.key"].map(|name| self.0.join("keys").join(name))
    }

    /// The development authority's folder.
    pub fn tls(&self) -> PathBuf {
        self.0.join("tls")
    }

    /// The demonstration's credentials.
    pub fn demo_file(&self) -> PathBuf {
        self.0.join("demo.json")
    }
}

/// A new master key as its file holds it: 64 hex digits, which a person can copy.
pub fn new_master(randomness: &Randomness) -> Vec<u8> {
    format!("{}\n", hex_digits(&randomness.bytes::<32>())).into_bytes()
}

/// Two digits for each byte.
pub fn hex_digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Makes a folder that only its owner may look into (mode 700).
pub fn make_private(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        .with_context(|| format!("cannot close {}", path.display()))
}

/// Writes a file that only its owner may read (mode 600), whole or not at all, and durably.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let unfinished = path.with_extension("new");
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&unfinished)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        sync_folder(path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Makes the rename of `path` durable.
pub fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_serves_one_server_at_a_time() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = DataFolder::open(place.path()).expect("a data folder");
        let held = folder.lock().expect("the lock");
        assert!(folder.lock().is_err());
        drop(held);
        assert!(folder.lock().is_ok());
    }
}
