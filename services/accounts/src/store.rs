//! The tables, and every statement on them, by what they are about. Functions that change something take a
//! transaction, so that the act can be written in the same one.

mod budgets;
mod clients;
mod invitations;
mod keys;
mod people;
mod secrets;
mod tenants;

use std::str::FromStr;

use storage::StoreError;

pub(crate) use budgets::{charge, levels, network_known, network_noted};
pub(crate) use clients::{client_create, client_existed, client_find, client_list, client_revoke, client_used};
pub(crate) use invitations::{invitation_is_good, invitation_put, invitation_take};
pub(crate) use keys::{key_forget, key_insert, keys};
pub(crate) use people::{
    Login, email_find, login_of, password_renew, password_set, person_create, person_find, person_list,
    person_logged_in, person_remove, person_role, totp_begin, totp_confirm, totp_remove, totp_use,
};
pub(crate) use secrets::{
    KnownSecret, NewSecretRow, secret_find, secret_insert, secret_renew, secrets_end, secrets_live,
};
pub(crate) use tenants::{lineage, tenant_create, tenant_freeze, tenant_list, tenant_thaw, tenants_below};

/// A column that only our own code writes.
#[derive(Clone, Copy)]
struct Column {
    table: &'static str,
    column: &'static str,
}

impl Column {
    const fn impossible(self) -> StoreError {
        StoreError::Inconsistent { table: self.table, column: self.column }
    }

    /// The value stored as `text`.
    fn parse<T: FromStr>(self, text: &str) -> Result<T, StoreError> {
        text.parse().map_err(|_| self.impossible())
    }
}
