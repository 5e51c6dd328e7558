//! The table `client_secret`: the hashes of what clients prove themselves with.

use sqlx::FromRow;
use storage::{Connection, StoreError, Tx, on};
use vocabulary::{ClientId, SecretId, Timestamp};

use super::Column;
use crate::client::LiveSecret;
use crate::hashing::SecretHash;

const fn column(column: &'static str) -> Column {
    Column { table: "client_secret", column }
}

/// A secret to be stored.
pub(crate) struct NewSecretRow<'a> {
    pub id: &'a SecretId,
    pub client: &'a ClientId,
    /// Which of the client's secrets it is, in the secret itself.
    pub selector: &'a str,
    pub hash: &'a SecretHash,
    pub created_at: Timestamp,
}

/// The one secret that a text can be.
pub(crate) struct KnownSecret {
    pub id: SecretId,
    pub hash: SecretHash,
    /// `false` where it was made before there were selectors.
    pub has_selector: bool,
}

const INSERT: &str = "
INSERT INTO client_secret (id, client_id, selector, secret_hash, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, NULL)";

pub(crate) async fn secret_insert(tx: &mut Tx, secret: &NewSecretRow<'_>) -> Result<(), StoreError> {
    on!(tx, conn => {
        let query = sqlx::query(INSERT).bind(secret.id.as_str()).bind(secret.client.as_str()).bind(secret.selector);
        query.bind(secret.hash.expose()).bind(secret.created_at.as_micros()).execute(conn).await?;
    });
    Ok(())
}

#[derive(FromRow)]
struct KnownRow {
    id: String,
    secret_hash: String,
    has_selector: bool,
}

const FIND: &str = "
SELECT id, secret_hash, selector IS NOT NULL AS has_selector
FROM client_secret
WHERE client_id = $1 AND (selector = $2 OR selector IS NULL) AND (expires_at IS NULL OR expires_at > $3)
ORDER BY selector IS NULL
LIMIT 1";

/// The good secret of a client that a text with this selector can be: one at most, so that each login costs one hash.
#[tracing::instrument(name = "db.client_secret.find", level = "debug", skip_all)]
pub(crate) async fn secret_find(
    mut conn: Connection<'_>,
    (client, selector): (&str, &str),
    now: Timestamp,
) -> Result<Option<KnownSecret>, StoreError> {
    let row: Option<KnownRow> = on!(conn, conn => {
        sqlx::query_as(FIND).bind(client).bind(selector).bind(now.as_micros()).fetch_optional(conn).await?
    });
    let Some(row) = row else { return Ok(None) };
    let id = column("id").parse(&row.id)?;
    Ok(Some(KnownSecret { id, hash: SecretHash::stored(row.secret_hash), has_selector: row.has_selector }))
}

const RENEW: &str = "
UPDATE client_secret
SET secret_hash = $3, selector = $4
WHERE id = $1 AND secret_hash = $2";

/// Stores another hash of the same secret, unless somebody else just did.
pub(crate) async fn secret_renew(
    tx: &mut Tx,
    old: &KnownSecret,
    (hash, selector): (&SecretHash, &str),
) -> Result<(), StoreError> {
    on!(tx, conn => {
        let query = sqlx::query(RENEW).bind(old.id.as_str()).bind(old.hash.expose());
        query.bind(hash.expose()).bind(selector).execute(conn).await?;
    });
    Ok(())
}

const END: &str = "
UPDATE client_secret SET expires_at = $2 WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2)";
const FORGET: &str = "DELETE FROM client_secret WHERE client_id = $1 AND expires_at <= $2";

/// Lets the good secrets of a client end at the moment `end`, and forgets those that have ended by `now`.
pub(crate) async fn secrets_end(
    tx: &mut Tx,
    client: &ClientId,
    (end, now): (Timestamp, Timestamp),
) -> Result<(), StoreError> {
    on!(tx, conn => sqlx::query(END).bind(client.as_str()).bind(end.as_micros()).execute(conn).await?.rows_affected());
    on!(tx, conn => sqlx::query(FORGET).bind(client.as_str()).bind(now.as_micros()).execute(conn).await?.rows_affected());
    Ok(())
}

#[derive(FromRow)]
struct LiveRow {
    id: String,
    client_id: String,
    created_at: i64,
    expires_at: Option<i64>,
}

const LIVE: &str = "
SELECT client_secret.id, client_secret.client_id, client_secret.created_at, client_secret.expires_at
FROM client_secret
JOIN client ON client.id = client_secret.client_id
WHERE client.tenant_id = (SELECT tenant_id FROM client WHERE id = $1)
AND client.id BETWEEN $1 AND $2
AND (client_secret.expires_at IS NULL OR client_secret.expires_at > $3)
ORDER BY client_secret.created_at, client_secret.id";

/// The good secrets of a tenant's clients from `first` to `last`, the oldest first.
#[tracing::instrument(name = "db.client_secret.live", level = "debug", skip_all)]
pub(crate) async fn secrets_live(
    mut conn: Connection<'_>,
    (first, last): (&ClientId, &ClientId),
    now: Timestamp,
) -> Result<Vec<LiveSecret>, StoreError> {
    let rows: Vec<LiveRow> = on!(conn, conn => {
        let query = sqlx::query_as(LIVE).bind(first.as_str()).bind(last.as_str()).bind(now.as_micros());
        query.fetch_all(conn).await?
    });
    let live = |row: LiveRow| {
        Ok(LiveSecret {
            id: column("id").parse(&row.id)?,
            client: column("client_id").parse(&row.client_id)?,
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: row.expires_at.map(Timestamp::from_micros),
        })
    };
    rows.into_iter().map(live).collect()
}
