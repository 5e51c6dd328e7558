//! The table `signing_key`.

use sqlx::FromRow;
use storage::{Connection, StoreError, Tx, on};
use vocabulary::Timestamp;

use crate::key_ring::Key;

#[derive(FromRow)]
struct KeyRow {
    kid: String,
    jwk: String,
    sealed: Vec<u8>,
    signs_from: i64,
}

const LIST: &str = "SELECT kid, jwk, sealed, signs_from FROM signing_key ORDER BY signs_from";

/// Every key, in the order in which they sign.
#[tracing::instrument(name = "db.signing_key.list", level = "debug", skip_all)]
pub(crate) async fn keys(mut conn: Connection<'_>) -> Result<Vec<Key>, StoreError> {
    let rows: Vec<KeyRow> = on!(conn, conn => sqlx::query_as(LIST).fetch_all(conn).await?);
    let key = |row: KeyRow| Key {
        kid: row.kid,
        jwk: row.jwk,
        sealed: row.sealed,
        signs_from: Timestamp::from_micros(row.signs_from),
    };
    Ok(rows.into_iter().map(key).collect())
}

/// Until the transaction ends, nobody else makes or forgets keys, not even the first.
pub(crate) async fn keys_take(tx: &mut Tx) -> Result<(), StoreError> {
    super::take(tx, super::TURN, "signing_key").await
}

const INSERT: &str = "INSERT INTO signing_key (kid, jwk, sealed, signs_from) VALUES ($1, $2, $3, $4)";

pub(crate) async fn key_insert(tx: &mut Tx, key: &Key) -> Result<(), StoreError> {
    on!(tx, conn => {
        let query = sqlx::query(INSERT).bind(key.kid.as_str()).bind(key.jwk.as_str());
        query.bind(key.sealed.as_slice()).bind(key.signs_from.as_micros()).execute(conn).await?;
    });
    Ok(())
}

const FORGET: &str = "DELETE FROM signing_key WHERE kid = $1";

/// Forgets a key that no token needs any more.
pub(crate) async fn key_forget(tx: &mut Tx, kid: &str) -> Result<(), StoreError> {
    on!(tx, conn => sqlx::query(FORGET).bind(kid).execute(conn).await?.rows_affected());
    Ok(())
}
