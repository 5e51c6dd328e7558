//! A reference normal provisioning server: the provider's own server that phones resync to (chapter,
//! "Normal Provisioning Server").
//!
//! It serves a folder of files, or one profile made for whoever asks, over plain HTTP. It keeps
//! nothing about the phones that ask, and it knows nothing of Dialtone.

mod answer;
mod content;
mod folder;
mod server;
mod template;

pub use answer::Answer;
pub use content::Content;
pub use server::{CannotListen, Nps, NpsConfig, RunningNps};
pub use template::DEMONSTRATION;
