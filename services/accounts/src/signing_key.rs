//! The file that holds the key tokens are signed with: Ed25519, PKCS#8 (RFC 8410) in PEM.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::EncodingKey;
use vocabulary::{Randomness, Secret};

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
    /// The file is missing and cannot be made.
    #[error("cannot write the signing key {}: {source}", path.display())]
    Unwritable {
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
        "{} does not hold an Ed25519 key as PKCS#8 in PEM; restore it, or move it away and a new one is made \
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

/// Reads the key in `path`, or makes one there if the file is missing. Two callers at once would make
/// two keys; the caller prevents that.
pub(crate) fn load_or_create(path: &Path, randomness: &Randomness) -> Result<Secret<EncodingKey>, SigningKeyError> {
    let der = match File::open(path) {
        Ok(file) => load(path, file)?,
        Err(error) if error.kind() == ErrorKind::NotFound => create(path, randomness)?,
        Err(source) => return Err(SigningKeyError::Unreadable { path: path.to_owned(), source }),
    };
    Ok(Secret::new(EncodingKey::from_ed_der(&der)))
}

fn load(path: &Path, file: File) -> Result<[u8; PKCS8_LENGTH], SigningKeyError> {
    let unreadable = |source| SigningKeyError::Unreadable { path: path.to_owned(), source };
    let mode = file.metadata().map_err(unreadable)?.mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(SigningKeyError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text).map_err(unreadable)?;
    parse(&text).ok_or_else(|| SigningKeyError::NotAKey { path: path.to_owned() })
}

fn parse(pem: &[u8]) -> Option<[u8; PKCS8_LENGTH]> {
    let pem = std::str::from_utf8(pem).ok()?.trim();
    let lines = pem.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let base64: String = lines.split_ascii_whitespace().collect();
    let der: [u8; PKCS8_LENGTH] = STANDARD.decode(base64).ok()?.try_into().ok()?;
    der.starts_with(&PKCS8).then_some(der)
}

/// After a crash at any moment the file is missing or whole: it is written under another name,
/// made durable, and then renamed.
fn create(path: &Path, randomness: &Randomness) -> Result<[u8; PKCS8_LENGTH], SigningKeyError> {
    let unwritable = |source| SigningKeyError::Unwritable { path: path.to_owned(), source };
    let mut der = [0; PKCS8_LENGTH];
    for (to, from) in der.iter_mut().zip(PKCS8.into_iter().chain(randomness.bytes::<32>())) {
        *to = from;
    }
    let pem = format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    write(path, folder, &pem).map_err(unwritable)?;
    Ok(der)
}

fn write(path: &Path, folder: &Path, pem: &str) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    // What a crash left behind could have any mode.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(pem.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("signing.key");
        (folder, path)
    }

    fn put(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).expect("written");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
    }

    fn bytes(key: &Secret<EncodingKey>) -> Vec<u8> {
        key.expose().as_bytes().to_vec()
    }

    /// RFC 8410, section 10.3.
    const OF_THE_RFC: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn a_key_is_made_once_for_its_owner_only_and_read_back() {
        let (folder, path) = place();
        put(&folder.path().join("signing.key.unfinished"), "left behind by a crash", 0o666);
        let made = load_or_create(&path, &Randomness::seeded(1)).expect("a key");
        assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o777, 0o600);
        let read = load_or_create(&path, &Randomness::seeded(2)).expect("the key");
        assert_eq!(bytes(&made), bytes(&read));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
        assert_eq!(format!("{made:?}"), "Secret(****)");
    }

    #[test]
    fn a_key_of_another_tool_is_read() {
        let (_folder, path) = place();
        put(&path, OF_THE_RFC, 0o600);
        let key = load_or_create(&path, &Randomness::seeded(1)).expect("a key");
        assert!(bytes(&key).starts_with(&PKCS8));
        assert!(bytes(&key).ends_with(&[0x44, 0x75, 0x58, 0x42]));
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_with_the_remedy() {
        for mode in [0o644, 0o640, 0o602, 0o601] {
            let (_folder, path) = place();
            put(&path, OF_THE_RFC, mode);
            let refusal = load_or_create(&path, &Randomness::seeded(1)).expect_err("exposed").to_string();
            assert!(refusal.contains(&format!("chmod 600 {}", path.display())), "{refusal}");
            assert!(refusal.contains(&format!("{mode:o}")), "{refusal}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_overwritten() {
        let cut = OF_THE_RFC.replace("hC\n", "\n");
        let other_curve = OF_THE_RFC.replace("K2Vw", "K2Vx");
        for text in ["", "secret", cut.as_str(), other_curve.as_str()] {
            let (_folder, path) = place();
            put(&path, text, 0o600);
            let refusal = load_or_create(&path, &Randomness::seeded(1)).expect_err("no key");
            assert!(matches!(refusal, SigningKeyError::NotAKey { .. }), "{refusal}");
            assert_eq!(fs::read_to_string(&path).expect("a file"), text);
        }
    }

    #[test]
    fn a_place_that_cannot_be_read_or_written_is_named() {
        let (folder, _path) = place();
        let missing = folder.path().join("missing").join("signing.key");
        let refusal = load_or_create(&missing, &Randomness::seeded(1)).expect_err("no folder");
        assert!(matches!(refusal, SigningKeyError::Unwritable { .. }), "{refusal}");
        let taken = folder.path().join("folder");
        fs::create_dir(&taken).expect("a folder");
        fs::set_permissions(&taken, fs::Permissions::from_mode(0o700)).expect("permissions");
        let refusal = load_or_create(&taken, &Randomness::seeded(1)).expect_err("a folder");
        assert!(matches!(refusal, SigningKeyError::Unreadable { .. }), "{refusal}");
    }
}
