//! The tables, and every statement on them, by what they are about. Functions that change something take a
//! transaction, so that the act can be written in the same one.
//!
//! On PostgreSQL others write meanwhile. What must be as it was read until it is written is taken first (`…_take`),
//! and then read; everything is taken in one order, so that no two wait for each other: the tree or the keys, a person or
//! a client, what belongs to it, budgets (`budgets.rs`), the audit log.

mod budgets;
mod clients;
mod invitations;
mod keys;
mod people;
mod secrets;
mod tenants;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use storage::{Connection, StoreError, Tx};

pub(crate) use budgets::{charge, levels, network_known, network_noted};
pub(crate) use clients::{
    client_create, client_existed, client_find, client_list, client_revoke, client_take, client_used,
};
pub(crate) use invitations::{invitation_find, invitation_put, invitation_take};
pub(crate) use keys::{key_forget, key_insert, keys, keys_take};
pub(crate) use people::{
    Login, email_find, login_of, password_renew, password_set, person_create, person_find, person_list,
    person_logged_in, person_remove, person_role, person_take, totp_begin, totp_confirm, totp_remove, totp_use,
};
pub(crate) use secrets::{
    KnownSecret, NewSecretRow, secret_find, secret_insert, secret_renew, secrets_end, secrets_live,
};
pub(crate) use tenants::{lineage, tenant_create, tenant_freeze, tenant_list, tenant_thaw, tenants_below, tree_take};

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

/// Takes the lock of a table. Its number is the table's own, so that services in one database do not wait for one
/// another.
const TURN: &str = "SELECT pg_advisory_xact_lock($1::regclass::oid::bigint)";

/// Lets `statement` take the rows that belong to `key`, or a lock of that name, until the transaction ends; waits while
/// somebody else has them.
async fn take(tx: &mut Tx, statement: &'static str, key: &str) -> Result<(), StoreError> {
    match tx.connection() {
        // SQLite has one writer, who has everything.
        Connection::Sqlite(_) => {}
        Connection::Postgres(conn) => {
            sqlx::query(statement).bind(key).execute(conn).await?;
        }
    }
    Ok(())
}
