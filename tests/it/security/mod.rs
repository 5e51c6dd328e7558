//! Who may do what, and what nobody may see.

mod access_matrix;
mod activation_codes;
mod device_certificates;
mod forger;
mod forgeries;
mod sealed_answers;
mod secrets;
mod testssl;
