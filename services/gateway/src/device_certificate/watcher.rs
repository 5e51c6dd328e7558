//! Follows the folder of authorities while the server runs. A manufacturer whose files cannot be used keeps
//! the authorities that it had.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::authorities::{Authorities, Files, Manufacturer, read};

/// How often the folder is looked at. Its whole content is a few dozen kilobytes.
const PACE: Duration = Duration::from_secs(2);

/// The task that follows the folder.
pub(super) struct Watcher {
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// What was last seen in the folder, and what was made of it.
#[derive(Default)]
struct Seen {
    files: BTreeMap<String, Files>,
    manufacturers: BTreeMap<String, Arc<Manufacturer>>,
    /// Why the folder could not be read when it was last looked at.
    unreadable: Option<String>,
}

impl Watcher {
    /// Reads `folder` and begins to follow it. The second value always holds what is in force.
    pub fn start(folder: PathBuf) -> io::Result<(Self, Arc<RwLock<Arc<Authorities>>>)> {
        let mut seen = Seen::default();
        let first = seen.take_in(read(&folder)?).unwrap_or_default();
        let authorities = Arc::new(RwLock::new(Arc::new(first)));
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(follow(folder, seen, Arc::clone(&authorities), stopped));
        Ok((Self { stop, task: Mutex::new(Some(task)) }, authorities))
    }

    /// Stops following.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.lock().await.take() {
            // A task that panicked follows nothing any more.
            let _ = task.await;
        }
    }
}

async fn follow(
    folder: PathBuf,
    mut seen: Seen,
    authorities: Arc<RwLock<Arc<Authorities>>>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(PACE) => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
        let place = folder.clone();
        let looked = tokio::task::spawn_blocking(move || (seen.look(&place), seen)).await;
        let Ok((changed, after)) = looked else { return };
        seen = after;
        if let Some(changed) = changed {
            *authorities.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(changed);
        }
    }
}

impl Seen {
    /// What is in force from now on, where anything has changed.
    fn look(&mut self, folder: &Path) -> Option<Authorities> {
        match read(folder) {
            Ok(files) => {
                self.unreadable = None;
                self.take_in(files)
            }
            Err(error) => {
                let why = error.to_string();
                if self.unreadable.as_ref() != Some(&why) {
                    tracing::error!(error = why, folder = %folder.display(), "cannot read the phones' authorities; those known stay");
                    self.unreadable = Some(why);
                }
                None
            }
        }
    }

    fn take_in(&mut self, files: BTreeMap<String, Files>) -> Option<Authorities> {
        if files == self.files {
            return None;
        }
        self.manufacturers.retain(|name, _| files.contains_key(name));
        for (name, files) in &files {
            if self.files.get(name) != Some(files) {
                self.take_in_manufacturer(name, files);
            }
        }
        self.files = files;
        Some(Authorities { manufacturers: self.manufacturers.values().cloned().collect() })
    }

    /// Each content is looked at once, so that what is wrong with it is logged once.
    fn take_in_manufacturer(&mut self, name: &str, files: &Files) {
        match Manufacturer::from_files(name, files) {
            Ok(known) => {
                let (roots, intermediates) = (known.roots.len(), known.intermediates.len());
                tracing::info!(manufacturer = name, roots, intermediates, "authorities of phones");
                self.manufacturers.insert(name.to_owned(), Arc::new(known));
            }
            Err(error) => {
                let kept = self.manufacturers.contains_key(name);
                tracing::error!(manufacturer = name, %error, kept, "these authorities of phones cannot be used");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, CertifiedIssuer, DnType, KeyPair};

    use super::*;

    fn root(name: &str) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        CertifiedIssuer::self_signed(params, key).expect("a certificate").pem()
    }

    /// The manufacturers in force, each with the number of its roots.
    fn shown(authorities: Option<Authorities>) -> Option<Vec<(String, usize)>> {
        let all = authorities?.manufacturers;
        Some(all.iter().map(|it| (it.name.to_string(), it.roots.len())).collect())
    }

    fn known(all: &[(&str, usize)]) -> Vec<(String, usize)> {
        all.iter().map(|(name, roots)| ((*name).to_owned(), *roots)).collect()
    }

    #[test]
    fn the_folder_is_followed_and_a_broken_file_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| folder.path().join(name);
        fs::create_dir_all(file("cisco")).expect("a folder");
        fs::write(file("cisco/root.pem"), root("one")).expect("written");
        fs::write(file("cisco/README"), "not a certificate").expect("written");
        let mut seen = Seen::default();
        assert_eq!(shown(seen.look(folder.path())), Some(known(&[("cisco", 1)])));
        assert_eq!(shown(seen.look(folder.path())), None);
        fs::create_dir_all(file("acme")).expect("a folder");
        fs::write(file("acme/root.pem"), root("two") + &root("three")).expect("written");
        assert_eq!(shown(seen.look(folder.path())), Some(known(&[("acme", 2), ("cisco", 1)])));
        fs::write(file("acme/root.pem"), "broken").expect("written");
        assert_eq!(shown(seen.look(folder.path())), Some(known(&[("acme", 2), ("cisco", 1)])));
        assert_eq!(shown(seen.look(folder.path())), None);
        fs::write(file("acme/root.pem"), root("four")).expect("written");
        assert_eq!(shown(seen.look(folder.path())), Some(known(&[("acme", 1), ("cisco", 1)])));
        fs::remove_dir_all(file("cisco")).expect("removed");
        assert_eq!(shown(seen.look(folder.path())), Some(known(&[("acme", 1)])));
        fs::remove_dir_all(folder.path()).expect("removed");
        assert_eq!(shown(seen.look(folder.path())), None);
        assert!(seen.unreadable.is_some() && seen.manufacturers.contains_key("acme"));
    }
}
