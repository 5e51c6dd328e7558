//! The installation's master key: where it comes from, and what it does, which is to wrap other keys.

use std::path::Path;
use std::process::{Command, Stdio};

use aws_lc_rs::digest::{SHA256, digest};
use vocabulary::{Randomness, Secret};

use crate::VaultError;
use crate::cipher::{Key, cipher};
use crate::key_text::parse;

/// So that the id of a key is no other hash of it.
const LABEL: &[u8] = b"dialtone master key id v1\0";

/// The key that wraps the others. Kept outside the databases, so that a copy of them is worth nothing.
#[derive(Debug, Clone)]
pub struct MasterKey {
    key: Key,
    id: String,
}

impl MasterKey {
    /// The key of these bytes, which must be random.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self::new(Secret::new(bytes))
    }

    /// The key in the file `path`: 32 bytes, or the same as 64 hex digits or base64 and white space after it.
    pub fn from_file(path: &Path) -> Result<Self, VaultError> {
        let bytes = std::fs::read(path).map_err(|source| VaultError::File { path: path.to_owned(), source })?;
        let key = parse(&bytes).ok_or_else(|| VaultError::NoKey { whence: path.display().to_string() })?;
        Ok(Self::new(key))
    }

    /// The key that the shell command `command` prints (asking a key store, say), written as in a file.
    ///
    /// Waits for the command, which has no input; neither what it prints nor what it complains of is shown,
    /// since either may be a key.
    pub fn from_command(command: &str) -> Result<Self, VaultError> {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command).stdin(Stdio::null()).stderr(Stdio::null());
        let output = shell.output().map_err(VaultError::NotRun)?;
        if !output.status.success() {
            return Err(VaultError::CommandFailed(output.status));
        }
        let key =
            parse(&output.stdout).ok_or_else(|| VaultError::NoKey { whence: "the master key command".to_owned() })?;
        Ok(Self::new(key))
    }

    /// What the key is called: 16 hex digits that tell nothing of it. Kept beside whatever it wraps.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `bytes`, readable only with this key and only as what `context` says.
    pub fn wrap(&self, context: &str, bytes: &[u8], randomness: &Randomness) -> Result<Vec<u8>, VaultError> {
        let wrapped = cipher(&self.key, context)?.seal(context, bytes, randomness);
        wrapped.ok_or_else(|| VaultError::Unsealable { place: context.to_owned() })
    }

    /// What was wrapped with this key for `context`.
    pub fn unwrap(&self, context: &str, wrapped: &[u8]) -> Result<Secret<Vec<u8>>, VaultError> {
        let bytes = cipher(&self.key, context)?.open(context, wrapped);
        bytes.ok_or_else(|| VaultError::Unopenable { place: context.to_owned() })
    }

    /// Refuses to open `what` where it was wrapped with another key than this one.
    pub(crate) fn must_be(&self, needed: &str, what: &str) -> Result<(), VaultError> {
        if needed == self.id {
            return Ok(());
        }
        Err(VaultError::WrongMaster { what: what.to_owned(), needed: needed.to_owned(), given: self.id.clone() })
    }

    fn new(key: Key) -> Self {
        let hash = digest(&SHA256, &[LABEL, key.expose()].concat());
        let digits = hash.as_ref().iter().take(8).flat_map(|byte| [byte >> 4, byte & 15]);
        let id = digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
        Self { key, id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_comes_from_a_file_and_from_a_command() {
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join("master.key");
        let hex = "2a".repeat(32);
        let key = MasterKey::from_bytes([0x2a; 32]);
        for text in [hex.clone().into_bytes(), format!("{hex}\n").into_bytes(), vec![0x2a; 32]] {
            std::fs::write(&file, text).expect("a file");
            assert_eq!(MasterKey::from_file(&file).expect("the key").id(), key.id());
            let command = format!("cat '{}'", file.display());
            assert_eq!(MasterKey::from_command(&command).expect("the key").id(), key.id());
        }
        assert_eq!(key.id().len(), 16);
        assert!(!format!("{key:?}").contains("42"), "{key:?}");
    }

    #[test]
    fn no_error_shows_what_a_command_printed_or_a_file_holds() {
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join("master.key");
        std::fs::write(&file, "hunter2").expect("a file");
        let wrong = [
            MasterKey::from_file(&file),
            MasterKey::from_file(&place.path().join("none")),
            MasterKey::from_command("echo hunter2"),
            MasterKey::from_command("echo hunter2; echo hunter2 >&2; exit 3"),
        ];
        let errors = wrong.map(|it| it.expect_err("no key"));
        for error in &errors {
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
        assert!(matches!(&errors[3], VaultError::CommandFailed(status) if status.code() == Some(3)), "{errors:?}");
    }

    #[test]
    fn what_is_wrapped_opens_in_its_context_and_with_its_key_only() {
        let (one, other) = (MasterKey::from_bytes([1; 32]), MasterKey::from_bytes([2; 32]));
        let wrapped = one.wrap("file/report.key", b"key", &Randomness::seeded(1)).expect("wrapped");
        assert_eq!(one.unwrap("file/report.key", &wrapped).expect("the key").expose(), b"key");
        assert!(one.unwrap("file/codes.key", &wrapped).is_err());
        assert!(other.unwrap("file/report.key", &wrapped).is_err());
        assert_ne!(one.id(), other.id());
    }
}
