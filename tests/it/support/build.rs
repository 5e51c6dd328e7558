//! The program under test, built once before the first test that needs it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The path of the program, freshly built: a test must never run on yesterday's. Where `DIALTONE_TEST_PROGRAM` names
/// one, such as that of an image, it is tested as it is.
pub fn dialtone() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(named) = std::env::var_os("DIALTONE_TEST_PROGRAM") {
            return named.into();
        }
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "dialtone", "--bin", "dialtone"])
            .current_dir(repository())
            .status()
            .expect("cargo can be run");
        assert!(built.success(), "the program does not build");
        let test = std::env::current_exe().expect("the test program has a path");
        // target/debug/deps/it-… beside target/debug/dialtone
        test.ancestors().nth(2).expect("the target folder").join("dialtone")
    })
}

/// Makes sure that third-party programs are there; panics, saying what is missing, where they cannot be had.
#[track_caller]
pub fn install(programs: &[&str]) {
    let done = std::process::Command::new(repository().join("tests/tools/install")).args(programs).output();
    let done = done.expect("the script runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
