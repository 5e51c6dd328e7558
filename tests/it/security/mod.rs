//! Who may do what, and what nobody may see.

mod access_matrix;
mod activation_codes;
mod audit_log;
mod device_certificates;
mod enumeration;
mod forger;
mod forgeries;
mod headers;
mod master_key;
mod races;
mod sealed_answers;
mod secrets;
mod testssl;
