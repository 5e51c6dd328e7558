//! Files of one folder, and nothing outside it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use http::StatusCode;

use crate::answer::Answer;

/// The file that `path` names, or 404.
pub(crate) async fn read(root: &Path, path: &str) -> Answer {
    let Some(file) = locate(root, path) else {
        return Answer::status(StatusCode::NOT_FOUND);
    };
    match tokio::fs::read(&file).await {
        Ok(bytes) if is_profile(&file) => Answer::profile(bytes),
        Ok(bytes) => Answer::file(bytes),
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory | ErrorKind::NotADirectory) =>
        {
            Answer::status(StatusCode::NOT_FOUND)
        }
        Err(error) => {
            tracing::warn!(url.path = path, %error, "a file cannot be read");
            Answer::status(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// Where the file would be. A path is refused unless every segment is a plain, visible name: that
/// leaves no way to write `..`, an absolute path, a drive or an escaped separator.
fn locate(root: &Path, path: &str) -> Option<PathBuf> {
    let mut file = root.to_path_buf();
    for segment in path.strip_prefix('/')?.split('/') {
        let plain = segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        if segment.is_empty() || segment.starts_with('.') || !plain {
            return None;
        }
        file.push(segment);
    }
    Some(file)
}

fn is_profile(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "xml" || extension == "cfg")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_names_are_found_under_the_root() {
        let root = Path::new("/srv/profiles");
        assert_eq!(locate(root, "/Cisco/0004f2aabbcc.cfg"), Some(root.join("Cisco/0004f2aabbcc.cfg")));
        for path in
            ["/../passwd", "/a/../../passwd", "//etc/passwd", "/%2e%2e/passwd", "/..\\passwd", "/.ssh", "/", "", "a"]
        {
            assert_eq!(locate(root, path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_leads_out(path in "[/.a%2e\\\\:~\\x00]{0,12}") {
            if let Some(file) = locate(Path::new("/srv"), &path) {
                prop_assert!(file.starts_with("/srv"));
                prop_assert!(file.components().all(|part| part != std::path::Component::ParentDir));
            }
        }
    }
}
