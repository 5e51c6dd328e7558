//! The disk is full: under the data folder, and under PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::scene::Scene;
use crate::support::{Plan, Server, Settings, has_meaning_here};

/// A disk of so many mebibytes, in memory. It takes root, as in a container that runs tests.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn at(folder: &Path, mebibytes: u32) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let size = format!("size={mebibytes}m,mode=0777");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "dialtone-test"]).arg(folder).output();
        let done = done.expect("mount runs");
        let why = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "a small disk needs root and CAP_SYS_ADMIN (docker run --cap-add): {why}");
        Self(folder.to_owned())
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let file = self.0.join("room");
        let filled =
            Command::new("dd").args(["if=/dev/zero", "bs=4096"]).arg(format!("of={}", file.display())).output();
        assert!(!filled.expect("dd runs").status.success(), "it writes until there is no room");
    }

    fn clear(&self) {
        std::fs::remove_file(self.0.join("room")).expect("it was there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Also where something on it is still open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_not_noticed_by_phones() {
    if !has_meaning_here("data on disk") {
        return;
    }
    let disk = std::cell::OnceCell::new();
    let server = Server::planned_on(Plan::of(Settings::default()), |data| {
        assert!(disk.set(SmallDisk::at(data, 64)).is_ok());
    });
    let mut scene = Scene::set(server);
    let disk = disk.get().expect("a disk");
    scene.survives("disk full", |_| disk.fill(), |_| disk.clear());
}
