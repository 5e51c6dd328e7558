//! The contracts between the services, generated from `proto/dialtone`.
//!
//! Each module holds a service's messages, its client and its server trait. The wire rules stand in
//! the `.proto` files; `tests/golden/contracts.txt` shows every field, so that a changed number is a
//! visible diff.

#![expect(missing_docs, clippy::all, clippy::pedantic, reason = "generated from documented .proto files")]

/// Who may speak.
pub mod accounts {
    tonic::include_proto!("dialtone.accounts.v1");
}
/// MAC to provider.
pub mod redirection {
    tonic::include_proto!("dialtone.redirection.v1");
}
/// Activation codes.
pub mod onboarding {
    tonic::include_proto!("dialtone.onboarding.v1");
}
/// How far a phone has come.
pub mod customization {
    tonic::include_proto!("dialtone.customization.v1");
}
/// What was done, by whom.
pub mod audit {
    tonic::include_proto!("dialtone.audit.v1");
}

/// The compiled contracts as a `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The paths of the calls that may be made twice (`/package.Service/Method`): those whose comment in the `.proto`
/// file ends with "Idempotent."
pub const IDEMPOTENT: &[&str] = include!(concat!(env!("OUT_DIR"), "/idempotent.rs"));
