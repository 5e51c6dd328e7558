//! The units, checked by systemd itself.

use std::process::Command;

use super::{deploy, install, succeed};
use crate::support::dialtone;

const UNITS: [&str; 3] = ["dialtone.service", "dialtone@.service", "dialtone-migrate.service"];
/// From 0, nothing is allowed, to 100, everything is. What serves phones must reach the network and own a port.
const MOST_EXPOSED: &str = "20";

#[test]
fn systemd_takes_the_units() {
    install(&["systemd-analyze"]);
    let folder = tempfile::tempdir().expect("a folder");
    for unit in UNITS {
        let text = super::text(&format!("systemd/{unit}"));
        let program = dialtone().display().to_string();
        assert!(text.contains("ExecStart=/usr/local/bin/dialtone "), "{unit}");
        // It must be there to be taken.
        let file = folder.path().join(unit);
        std::fs::write(&file, text.replace("/usr/local/bin/dialtone", &program)).expect("the unit");
        succeed(Command::new("systemd-analyze").arg("verify").arg(&file));
    }
}

#[test]
fn a_unit_is_allowed_no_more_than_it_needs() {
    install(&["systemd-analyze"]);
    for unit in UNITS {
        let mut security = Command::new("systemd-analyze");
        security.args(["security", "--offline=true", "--no-pager", &format!("--threshold={MOST_EXPOSED}")]);
        succeed(security.arg(deploy(&format!("systemd/{unit}"))));
    }
}
