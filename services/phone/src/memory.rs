//! What a phone remembers when its power is cut: its state and its parameters.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;

use crate::parameters::Parameters;
use crate::state::State;

/// A phone's non-volatile memory; kept in a file, or lost with the process.
#[derive(Debug, Default)]
pub struct Memory {
    contents: Contents,
    file: Option<PathBuf>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    state: State,
    parameters: Parameters,
}

/// The file that stands for a phone's memory is unusable.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// It is there, but cannot be read.
    #[error("the phone's memory {file} cannot be read: {cause}", file = file.display())]
    Unreadable {
        /// The file as it was named.
        file: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// It holds something else.
    #[error("{file} is not a phone's memory ({cause}); name another file or remove it", file = file.display())]
    Foreign {
        /// The file as it was named.
        file: PathBuf,
        /// Where it stops making sense.
        cause: serde_json::Error,
    },
    /// It cannot be written.
    #[error("the phone's memory {file} cannot be written: {cause}", file = file.display())]
    Unwritable {
        /// The file as it was named.
        file: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

impl Memory {
    /// The memory of a phone fresh from its box, lost at the end.
    pub fn fresh() -> Self {
        Self::default()
    }

    /// The memory kept in `file`; a missing file is a phone fresh from its box.
    pub async fn kept_in(file: &Path) -> Result<Self, MemoryError> {
        let contents = match tokio::fs::read(file).await {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|cause| MemoryError::Foreign { file: file.to_path_buf(), cause })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Contents::default(),
            Err(cause) => return Err(MemoryError::Unreadable { file: file.to_path_buf(), cause }),
        };
        Ok(Self { contents, file: Some(file.to_path_buf()) })
    }

    /// How far the phone has come.
    pub const fn state(&self) -> State {
        self.contents.state
    }

    pub(crate) const fn parameters(&self) -> &Parameters {
        &self.contents.parameters
    }

    pub(crate) const fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.contents.parameters
    }

    /// Moves on, and writes everything down.
    pub(crate) async fn enter(&mut self, state: State) -> Result<(), MemoryError> {
        self.contents.state = state;
        self.save().await
    }

    /// Forgets everything.
    pub(crate) async fn wipe(&mut self) -> Result<(), MemoryError> {
        self.contents = Contents::default();
        self.save().await
    }

    /// Writes a second file and renames it, so that a phone switched off midway keeps the old one.
    pub(crate) async fn save(&self) -> Result<(), MemoryError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        self.write(file).await.map_err(|cause| MemoryError::Unwritable { file: file.clone(), cause })
    }

    async fn write(&self, file: &Path) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(&self.contents)?;
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let draft = file.with_file_name(name);
        // The parameters hold passwords: nobody else may read them.
        let mut options = tokio::fs::OpenOptions::new();
        let mut opened = options.write(true).create(true).truncate(true).mode(0o600).open(&draft).await?;
        opened.write_all(&bytes).await?;
        opened.sync_all().await?;
        tokio::fs::rename(&draft, file).await
    }
}
