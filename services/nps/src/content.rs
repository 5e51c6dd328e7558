//! What the server has to offer: a folder, a template, or a script.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;

use http::{HeaderMap, StatusCode, header};

use crate::answer::Answer;
use crate::folder;
use crate::template::Phone;

/// Where the answers come from.
#[derive(Debug)]
pub enum Content {
    /// The files of this folder, under their own names.
    Folder(PathBuf),
    /// One flat profile for every request of `/…/{name}.xml` or `.cfg`: `{mac}`, `{model}` and
    /// `{firmware}` are filled in (see [`crate::DEMONSTRATION`]).
    Template(String),
    /// These answers in this order, whatever is asked; the last one repeats. For tests.
    Script(Vec<Answer>),
}

/// [`Content`] ready to be asked by many connections at once.
#[derive(Debug)]
pub(crate) enum Source {
    Folder(PathBuf),
    Template(String),
    Script(Mutex<std::vec::IntoIter<Answer>>),
}

impl From<Content> for Source {
    fn from(content: Content) -> Self {
        match content {
            Content::Folder(root) => Self::Folder(root),
            Content::Template(text) => Self::Template(text),
            Content::Script(answers) => Self::Script(Mutex::new(answers.into_iter())),
        }
    }
}

impl Source {
    /// The answer to a request for `path`.
    pub(crate) async fn answer(&self, path: &str, headers: &HeaderMap) -> Answer {
        match self {
            Self::Folder(root) => folder::read(root, path).await,
            Self::Template(text) => render(text, path, headers),
            Self::Script(answers) => next(answers),
        }
    }
}

fn render(text: &str, path: &str, headers: &HeaderMap) -> Answer {
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match Phone::asking_for(path, user_agent) {
        Some(phone) => Answer::profile(phone.fill_in(text)),
        None => Answer::status(StatusCode::NOT_FOUND),
    }
}

fn next(answers: &Mutex<std::vec::IntoIter<Answer>>) -> Answer {
    // An iterator over a vector cannot be left half changed by a panic elsewhere.
    let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
    match answers.as_slice() {
        [] => Answer::status(StatusCode::NOT_FOUND),
        [last] => last.clone(),
        [first, ..] => {
            let first = first.clone();
            answers.next();
            first
        }
    }
}
