//! A key of 32 bytes in a file of its own, wrapped with the master key.
//!
//! The file is text, three lines, so that a person sees what it is and which master key it wants:
//!
//! ```text
//! dialtone wrapped key 1
//! 3f1c9a0e5b7d2468
//! AQx0…
//! ```
//!
//! The key is bound to the file's name: the files of two keys cannot be exchanged for one another.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use vocabulary::{Randomness, Secret};

use crate::cipher::{Key, key};
use crate::key_text::parse;
use crate::{MasterKey, VaultError};

const HEADING: &str = "dialtone wrapped key 1";

/// What a key file holds.
enum Content {
    Nothing,
    /// The key itself, from before files were wrapped.
    Plain(Key),
    Wrapped {
        master_id: String,
        wrapped: Vec<u8>,
    },
}

/// The key in the file `path`. Makes one where there is no file, and wraps one that lies there as 32 plain bytes;
/// both whole or not at all, and durably. The file is its owner's only (mode 600).
///
/// Only one process may do this at a time: the holder of the data folder's lock.
pub fn wrapped_file(path: &Path, master: &MasterKey, randomness: &Randomness) -> Result<Secret<[u8; 32]>, VaultError> {
    match content(path)? {
        Content::Wrapped { master_id, wrapped } => opened(path, master, (&master_id, &wrapped)),
        Content::Plain(key) => kept(path, master, key, randomness),
        Content::Nothing => kept(path, master, Secret::new(randomness.bytes()), randomness),
    }
}

/// The key in the file `path`, which is kept as it is by whoever runs this: 32 bytes, 64 hex digits or base64.
pub fn key_file(path: &Path) -> Result<Secret<[u8; 32]>, VaultError> {
    let bytes = std::fs::read(path).map_err(|error| failed(path, error))?;
    parse(&bytes).ok_or_else(|| VaultError::NoKey { whence: path.display().to_string() })
}

/// Wraps the key in the file `path` with `new` in place of `old`. A file that is not there, or that `new` wraps
/// already, is left alone, so that it may be done again after half of it failed.
pub fn rewrap_file(path: &Path, old: &MasterKey, new: &MasterKey, randomness: &Randomness) -> Result<(), VaultError> {
    let key = match content(path)? {
        Content::Nothing => return Ok(()),
        Content::Wrapped { master_id, .. } if master_id == new.id() => return Ok(()),
        Content::Wrapped { master_id, wrapped } => opened(path, old, (&master_id, &wrapped))?,
        Content::Plain(key) => key,
    };
    kept(path, new, key, randomness).map(drop)
}

fn content(path: &Path) -> Result<Content, VaultError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Content::Nothing),
        Err(error) => return Err(failed(path, error)),
    };
    if let Some(key) = key(&bytes) {
        return Ok(Content::Plain(key));
    }
    wrapped(&bytes).ok_or_else(|| VaultError::NoKey { whence: path.display().to_string() })
}

fn wrapped(bytes: &[u8]) -> Option<Content> {
    let mut lines = std::str::from_utf8(bytes).ok()?.lines();
    if lines.next()? != HEADING {
        return None;
    }
    let master_id = lines.next()?.to_owned();
    let wrapped = STANDARD.decode(lines.next()?).ok()?;
    Some(Content::Wrapped { master_id, wrapped })
}

fn opened(path: &Path, master: &MasterKey, (master_id, wrapped): (&str, &[u8])) -> Result<Key, VaultError> {
    master.must_be(master_id, &path.display().to_string())?;
    let opened = master.unwrap(&context(path), wrapped)?;
    key(opened.expose()).ok_or_else(|| VaultError::NoKey { whence: path.display().to_string() })
}

fn kept(path: &Path, master: &MasterKey, key: Key, randomness: &Randomness) -> Result<Key, VaultError> {
    let wrapped = STANDARD.encode(master.wrap(&context(path), key.expose(), randomness)?);
    let text = format!("{HEADING}\n{}\n{wrapped}\n", master.id());
    write(path, text.as_bytes()).map_err(|error| failed(path, error))?;
    Ok(key)
}

/// Writes beside the file and renames, so that a power cut leaves the old one or the new one.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&unfinished)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    // The folder of a bare file name is the present one.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

fn context(path: &Path) -> String {
    format!("file/{}", path.file_name().unwrap_or_default().to_string_lossy())
}

fn failed(path: &Path, source: std::io::Error) -> VaultError {
    VaultError::File { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masters() -> (MasterKey, MasterKey) {
        (MasterKey::from_bytes([1; 32]), MasterKey::from_bytes([2; 32]))
    }

    #[test]
    fn a_key_is_made_once_and_never_lies_there_plain() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("report.key");
        let (master, other) = masters();
        let randomness = Randomness::seeded(1);
        let key = wrapped_file(&path, &master, &randomness).expect("a new key");
        assert_eq!(wrapped_file(&path, &master, &randomness).expect("the same key"), key);
        let text = std::fs::read_to_string(&path).expect("a text");
        assert!(text.starts_with(&format!("{HEADING}\n{}\n", master.id())), "{text}");
        assert!(!text.contains(&STANDARD.encode(key.expose())));
        assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        let error = wrapped_file(&path, &other, &randomness).expect_err("another master key").to_string();
        assert!(error.contains(master.id()) && error.contains(other.id()), "{error}");
        // Exchanged for another file.
        let moved = place.path().join("codes.key");
        std::fs::copy(&path, &moved).expect("a copy");
        assert!(matches!(wrapped_file(&moved, &master, &randomness), Err(VaultError::Unopenable { .. })));
        std::fs::write(&path, "no key").expect("a file");
        assert!(matches!(wrapped_file(&path, &master, &randomness), Err(VaultError::NoKey { .. })));
    }

    #[test]
    fn a_plain_key_is_taken_over() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("report.key");
        let (master, _) = masters();
        std::fs::write(&path, [7; 32]).expect("a file");
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("its mode");
        for _ in 0..2 {
            let key = wrapped_file(&path, &master, &Randomness::seeded(1)).expect("the key");
            assert_eq!(key.expose(), &[7; 32]);
            assert!(std::fs::read(&path).expect("a file").starts_with(HEADING.as_bytes()));
            assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(place.path()).expect("the folder").count(), 1);
    }

    #[test]
    fn a_file_gets_another_master_key_and_may_get_it_twice() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("report.key");
        let (old, new) = masters();
        let randomness = Randomness::seeded(1);
        rewrap_file(&path, &old, &new, &randomness).expect("nothing to do");
        assert!(!path.exists());
        let key = wrapped_file(&path, &old, &randomness).expect("a key");
        for _ in 0..2 {
            rewrap_file(&path, &old, &new, &randomness).expect("wrapped with the new one");
            assert_eq!(wrapped_file(&path, &new, &randomness).expect("the same key"), key);
        }
        assert!(matches!(wrapped_file(&path, &old, &randomness), Err(VaultError::WrongMaster { .. })));
        let third = MasterKey::from_bytes([3; 32]);
        assert!(matches!(rewrap_file(&path, &third, &old, &randomness), Err(VaultError::WrongMaster { .. })));
    }
}
