//! Compiles the contracts without protoc, and keeps their descriptors for the golden test.

use std::error::Error;
use std::path::PathBuf;

const FILES: [&str; 5] = [
    "dialtone/accounts/v1/accounts.proto",
    "dialtone/redirection/v1/redirection.proto",
    "dialtone/onboarding/v1/onboarding.proto",
    "dialtone/customization/v1/customization.proto",
    "dialtone/audit/v1/audit.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=dialtone");
    let descriptors = protox::compile(FILES, ["."])?;
    let folder = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(folder.join("descriptors.bin"), prost::Message::encode_to_vec(&descriptors))?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
