//! Compiles the contracts without protoc, keeps their descriptors for the golden test, and lists the calls that
//! may be made twice.

use std::error::Error;
use std::fmt::Write;
use std::path::PathBuf;

use protox::prost_reflect::{DescriptorPool, MethodDescriptor};

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
    let bytes = prost::Message::encode_to_vec(&descriptors);
    std::fs::write(folder.join("idempotent.rs"), idempotent(&DescriptorPool::decode(bytes.as_slice())?)?)?;
    std::fs::write(folder.join("descriptors.bin"), bytes)?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}

/// The paths of the calls whose comment ends with the sentence "Idempotent.", as a Rust expression.
fn idempotent(pool: &DescriptorPool) -> Result<String, std::fmt::Error> {
    let mut list = "&[".to_owned();
    for service in pool.services() {
        for method in service.methods().filter(|method| comment(method).trim_end().ends_with("Idempotent.")) {
            write!(list, "\"/{}/{}\",", service.full_name(), method.name())?;
        }
    }
    list.push(']');
    Ok(list)
}

fn comment(method: &MethodDescriptor) -> String {
    let file = method.parent_file();
    let places = file.file_descriptor_proto().source_code_info.iter().flat_map(|info| &info.location);
    let mut own = places.filter(|place| place.path == method.path());
    own.next().map(|place| place.leading_comments().to_owned()).unwrap_or_default()
}
