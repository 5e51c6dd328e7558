//! The table `person`.

use sqlx::FromRow;
use storage::{Connection, StoreError, Tx, on};
use vocabulary::{PersonId, ProviderId, Timestamp};

use super::Column;
use crate::email::Email;
use crate::hashing::SecretHash;
use crate::listing::PageWish;
use crate::person::Person;
use crate::role::Role;

const fn column(column: &'static str) -> Column {
    Column { table: "person", column }
}

/// A person and what it proves itself with.
#[derive(Debug)]
pub(crate) struct Login {
    pub person: Person,
    /// `None` until a password was chosen.
    pub password: Option<SecretHash>,
    /// The secret of the second factor, sealed.
    pub totp: Option<Vec<u8>>,
    /// One that is not confirmed yet, sealed.
    pub totp_pending: Option<Vec<u8>>,
}

#[derive(FromRow)]
struct PersonRow {
    id: String,
    tenant_id: String,
    email: String,
    role: String,
    password_hash: Option<String>,
    totp: Option<Vec<u8>>,
    totp_pending: Option<Vec<u8>>,
    created_at: i64,
    last_login_at: Option<i64>,
}

impl TryFrom<PersonRow> for Login {
    type Error = StoreError;

    fn try_from(row: PersonRow) -> Result<Self, StoreError> {
        let person = Person {
            id: column("id").parse(&row.id)?,
            tenant: column("tenant_id").parse(&row.tenant_id)?,
            email: Email::stored(row.email),
            role: column("role").parse(&row.role)?,
            is_active: row.password_hash.is_some(),
            has_totp: row.totp.is_some(),
            created_at: Timestamp::from_micros(row.created_at),
            last_login_at: row.last_login_at.map(Timestamp::from_micros),
        };
        let password = row.password_hash.map(SecretHash::stored);
        Ok(Self { person, password, totp: row.totp, totp_pending: row.totp_pending })
    }
}

const CREATE: &str = "
INSERT INTO person (id, tenant_id, email, email_key, role, totp_step, created_at)
VALUES ($1, $2, $3, $4, $5, 0, $6)";

/// `AlreadyExists` where the address has a login.
pub(crate) async fn person_create(tx: &mut Tx, person: &Person) -> Result<(), StoreError> {
    on!(tx, conn => {
        let query = sqlx::query(CREATE).bind(person.id.as_str()).bind(person.tenant.as_str());
        let query = query.bind(person.email.as_str()).bind(person.email.key()).bind(person.role.word());
        query.bind(person.created_at.as_micros()).execute(conn).await?;
    });
    Ok(())
}

const FIND: &str = "
SELECT id, tenant_id, email, role, password_hash, totp, totp_pending, created_at, last_login_at
FROM person
WHERE id = $1";

/// The person of this id, whatever its tenant.
#[tracing::instrument(name = "db.person.find", level = "debug", skip_all)]
pub(crate) async fn login_of(mut conn: Connection<'_>, id: &PersonId) -> Result<Option<Login>, StoreError> {
    let row: Option<PersonRow> = on!(conn, conn => {
        sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(conn).await?
    });
    row.map(Login::try_from).transpose()
}

/// The tenant's person of this id.
pub(crate) async fn person_find(
    conn: Connection<'_>,
    tenant: &ProviderId,
    id: &PersonId,
) -> Result<Option<Person>, StoreError> {
    let found = login_of(conn, id).await?;
    Ok(found.map(|login| login.person).filter(|person| person.tenant == *tenant))
}

const TAKE: &str = "SELECT id FROM person WHERE id = $1 FOR UPDATE";

/// Until the transaction ends, nobody else changes or removes the person, nor its invitation.
pub(crate) async fn person_take(tx: &mut Tx, id: &PersonId) -> Result<(), StoreError> {
    super::take(tx, TAKE, id.as_str()).await
}

const FIND_BY_EMAIL: &str = "
SELECT id, tenant_id, email, role, password_hash, totp, totp_pending, created_at, last_login_at
FROM person
WHERE email_key = $1";

/// The person with this address.
#[tracing::instrument(name = "db.person.find_by_email", level = "debug", skip_all)]
pub(crate) async fn email_find(mut conn: Connection<'_>, email: &Email) -> Result<Option<Login>, StoreError> {
    let row: Option<PersonRow> = on!(conn, conn => {
        sqlx::query_as(FIND_BY_EMAIL).bind(email.key()).fetch_optional(conn).await?
    });
    row.map(Login::try_from).transpose()
}

const LIST: &str = "
SELECT id, tenant_id, email, role, password_hash, totp, totp_pending, created_at, last_login_at
FROM person
WHERE tenant_id = $1 AND id > $2
ORDER BY id
LIMIT $3";

/// A page of a tenant's people, and the first of the page after.
#[tracing::instrument(name = "db.person.list", level = "debug", skip_all)]
pub(crate) async fn person_list(
    mut conn: Connection<'_>,
    tenant: &ProviderId,
    wish: &PageWish,
) -> Result<Vec<Person>, StoreError> {
    let rows: Vec<PersonRow> = on!(conn, conn => {
        let query = sqlx::query_as(LIST).bind(tenant.as_str()).bind(wish.after.as_str()).bind(wish.to_read());
        query.fetch_all(conn).await?
    });
    rows.into_iter().map(|row| Login::try_from(row).map(|login| login.person)).collect()
}

const ROLE: &str = "UPDATE person SET role = $2 WHERE id = $1";

pub(crate) async fn person_role(tx: &mut Tx, id: &PersonId, role: Role) -> Result<(), StoreError> {
    on!(tx, conn => sqlx::query(ROLE).bind(id.as_str()).bind(role.word()).execute(conn).await?.rows_affected());
    Ok(())
}

const REMOVE: &str = "DELETE FROM person WHERE tenant_id = $1 AND id = $2";
const FORGET_NETWORKS: &str = "DELETE FROM known_network WHERE subject = $1";

/// Removes a tenant's person, and its invitation with it. Whether there was one.
pub(crate) async fn person_remove(tx: &mut Tx, tenant: &ProviderId, id: &PersonId) -> Result<bool, StoreError> {
    let removed = on!(tx, conn => {
        sqlx::query(REMOVE).bind(tenant.as_str()).bind(id.as_str()).execute(conn).await?.rows_affected()
    });
    if removed == 0 {
        return Ok(false);
    }
    on!(tx, conn => sqlx::query(FORGET_NETWORKS).bind(id.as_str()).execute(conn).await?.rows_affected());
    Ok(true)
}

const LOGGED_IN: &str = "
UPDATE person SET last_login_at = $2 WHERE id = $1 AND (last_login_at IS NULL OR last_login_at < $2)";

pub(crate) async fn person_logged_in(tx: &mut Tx, id: &PersonId, at: Timestamp) -> Result<(), StoreError> {
    on!(tx, conn => sqlx::query(LOGGED_IN).bind(id.as_str()).bind(at.as_micros()).execute(conn).await?.rows_affected());
    Ok(())
}

const SET: &str = "UPDATE person SET password_hash = $2 WHERE id = $1";

/// A new password, whatever the one before was.
pub(crate) async fn password_set(tx: &mut Tx, id: &PersonId, hash: &SecretHash) -> Result<(), StoreError> {
    StoreError::expect_one(on!(tx, conn => {
        sqlx::query(SET).bind(id.as_str()).bind(hash.expose()).execute(conn).await?.rows_affected()
    }))
}

const RENEW: &str = "UPDATE person SET password_hash = $3 WHERE id = $1 AND password_hash = $2";

/// Another hash in the place of the one that was checked. Whether that one was still there.
pub(crate) async fn password_renew(
    tx: &mut Tx,
    id: &PersonId,
    (old, new): (&SecretHash, &SecretHash),
) -> Result<bool, StoreError> {
    let renewed = on!(tx, conn => {
        let query = sqlx::query(RENEW).bind(id.as_str()).bind(old.expose()).bind(new.expose());
        query.execute(conn).await?.rows_affected()
    });
    Ok(renewed == 1)
}

const BEGIN: &str = "UPDATE person SET totp_pending = $2 WHERE id = $1";

/// A secret for the second factor, sealed, that is not in force yet.
pub(crate) async fn totp_begin(tx: &mut Tx, id: &PersonId, sealed: &[u8]) -> Result<(), StoreError> {
    StoreError::expect_one(on!(tx, conn => {
        sqlx::query(BEGIN).bind(id.as_str()).bind(sealed).execute(conn).await?.rows_affected()
    }))
}

const CONFIRM: &str = "
UPDATE person
SET totp = totp_pending, totp_pending = NULL, totp_step = $3
WHERE id = $1 AND totp_pending = $2";

/// Puts the pending secret in force; its code of `step` is used. Whether it was still the pending one.
pub(crate) async fn totp_confirm(tx: &mut Tx, id: &PersonId, (sealed, step): (&[u8], i64)) -> Result<bool, StoreError> {
    let confirmed = on!(tx, conn => {
        sqlx::query(CONFIRM).bind(id.as_str()).bind(sealed).bind(step).execute(conn).await?.rows_affected()
    });
    Ok(confirmed == 1)
}

const REMOVE_TOTP: &str = "UPDATE person SET totp = NULL, totp_pending = NULL WHERE id = $1";

pub(crate) async fn totp_remove(tx: &mut Tx, id: &PersonId) -> Result<(), StoreError> {
    on!(tx, conn => sqlx::query(REMOVE_TOTP).bind(id.as_str()).execute(conn).await?.rows_affected());
    Ok(())
}

const USE: &str = "UPDATE person SET totp_step = $3 WHERE id = $1 AND totp = $2 AND totp_step < $3";

/// Uses the code of `step`. Whether neither it nor a later one was used before.
#[tracing::instrument(name = "db.person.totp_use", level = "debug", skip_all)]
pub(crate) async fn totp_use(tx: &mut Tx, id: &PersonId, (sealed, step): (&[u8], i64)) -> Result<bool, StoreError> {
    let used = on!(tx, conn => {
        sqlx::query(USE).bind(id.as_str()).bind(sealed).bind(step).execute(conn).await?.rows_affected()
    });
    Ok(used == 1)
}
