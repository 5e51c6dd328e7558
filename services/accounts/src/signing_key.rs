//! A signing key as bytes: Ed25519, PKCS#8 (RFC 8410); and the PEM file in which earlier versions kept the only one.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use vocabulary::{Randomness, Secret};

/// A private key. `Debug` does not show it.
pub(crate) type Pkcs8 = Secret<Vec<u8>>;

/// Everything in the PKCS#8 form of an Ed25519 key but its 32 secret bytes (RFC 8410, section 7).
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const PKCS8_LENGTH: usize = PKCS8.len() + 32;
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// The file has 119 bytes; this much is read of whatever stands in its place.
const LONGEST: u64 = 4096;
/// The mode bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Why the signing key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// The file is there but cannot be read.
    #[error("cannot read the signing key {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Other users of the machine may read or change the file.
    #[error("the signing key {} is open to other users (mode {mode:03o}); run: chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds something else.
    #[error(
        "{} does not hold an Ed25519 key as PKCS#8 in PEM; restore it, or move it away and a new key is made \
         (clients then log in again)",
        path.display()
    )]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The key cannot sign.
    #[error("the signing key cannot be used: {0}")]
    Unusable(#[from] jsonwebtoken::errors::Error),
}

/// A new key.
pub(crate) fn draw(randomness: &Randomness) -> Pkcs8 {
    Secret::new(PKCS8.into_iter().chain(randomness.bytes::<32>()).collect())
}

/// The key in the file `path`; `None` where there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<Pkcs8>, SigningKeyError> {
    let unreadable = |source| SigningKeyError::Unreadable { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(unreadable(source)),
    };
    let mode = file.metadata().map_err(unreadable)?.mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(SigningKeyError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text).map_err(unreadable)?;
    parse(&text).map(Some).ok_or_else(|| SigningKeyError::NotAKey { path: path.to_owned() })
}

fn parse(pem: &[u8]) -> Option<Pkcs8> {
    let pem = std::str::from_utf8(pem).ok()?.trim();
    let lines = pem.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let base64: String = lines.split_ascii_whitespace().collect();
    let der = STANDARD.decode(base64).ok()?;
    (der.len() == PKCS8_LENGTH && der.starts_with(&PKCS8)).then(|| Secret::new(der))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token.pem");
        (folder, path)
    }

    fn put(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).expect("written");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
    }

    /// RFC 8410, section 10.3.
    const OF_THE_RFC: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn the_file_of_an_earlier_version_or_of_another_tool_is_read() {
        let (_folder, path) = place();
        assert!(read(&path).expect("no file").is_none());
        put(&path, OF_THE_RFC, 0o600);
        let key = read(&path).expect("read").expect("a key");
        assert!(key.expose().starts_with(&PKCS8));
        assert!(key.expose().ends_with(&[0x44, 0x75, 0x58, 0x42]));
        assert_eq!(format!("{key:?}"), "Secret(****)");
    }

    #[test]
    fn a_new_key_has_the_same_form() {
        let key = draw(&Randomness::seeded(1));
        assert_eq!(key.expose().len(), PKCS8_LENGTH);
        assert!(key.expose().starts_with(&PKCS8));
        assert_ne!(key, draw(&Randomness::seeded(2)));
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_with_the_remedy() {
        for mode in [0o644, 0o640, 0o602, 0o601] {
            let (_folder, path) = place();
            put(&path, OF_THE_RFC, mode);
            let refusal = read(&path).expect_err("exposed").to_string();
            assert!(refusal.contains(&format!("chmod 600 {}", path.display())), "{refusal}");
            assert!(refusal.contains(&format!("{mode:o}")), "{refusal}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let cut = OF_THE_RFC.replace("hC\n", "\n");
        let other_curve = OF_THE_RFC.replace("K2Vw", "K2Vx");
        for text in ["", "secret", cut.as_str(), other_curve.as_str()] {
            let (_folder, path) = place();
            put(&path, text, 0o600);
            let refusal = read(&path).expect_err("no key");
            assert!(matches!(refusal, SigningKeyError::NotAKey { .. }), "{refusal}");
        }
    }

    #[test]
    fn a_place_that_cannot_be_read_is_named() {
        let (folder, _path) = place();
        let taken = folder.path().join("folder");
        fs::create_dir(&taken).expect("a folder");
        fs::set_permissions(&taken, fs::Permissions::from_mode(0o700)).expect("permissions");
        let refusal = read(&taken).expect_err("a folder");
        assert!(matches!(refusal, SigningKeyError::Unreadable { .. }), "{refusal}");
    }
}
