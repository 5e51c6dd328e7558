//! The table `invitation`.

use sqlx::SqliteExecutor;
use storage::StoreError;
use storage::sqlite::Tx;
use vocabulary::{PersonId, Timestamp};

use super::Column;
use crate::invitation::Digest;

const PERSON: Column = Column { table: "invitation", column: "person_id" };

const PUT: &str = "
INSERT INTO invitation (person_id, digest, expires_at) VALUES ($1, $2, $3)
ON CONFLICT (person_id) DO UPDATE SET digest = excluded.digest, expires_at = excluded.expires_at";

/// The person's invitation, in the place of one made before.
pub(crate) async fn invitation_put(
    tx: &mut Tx,
    person: &PersonId,
    (digest, expires_at): (&Digest, Timestamp),
) -> Result<(), StoreError> {
    let query = sqlx::query(PUT).bind(person.as_str()).bind(digest.as_slice()).bind(expires_at.as_micros());
    query.execute(&mut **tx).await?;
    Ok(())
}

const IS_GOOD: &str = "SELECT EXISTS (SELECT 1 FROM invitation WHERE digest = $1 AND expires_at > $2)";

/// Whether there is such an invitation that has not expired.
#[tracing::instrument(name = "db.invitation.find", level = "debug", skip_all)]
pub(crate) async fn invitation_is_good(
    executor: impl SqliteExecutor<'_>,
    digest: &Digest,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let query = sqlx::query_scalar(IS_GOOD).bind(digest.as_slice()).bind(now.as_micros());
    Ok(query.fetch_one(executor).await?)
}

const TAKE: &str = "DELETE FROM invitation WHERE digest = $1 AND expires_at > $2 RETURNING person_id";

/// Uses up an invitation that has not expired. Whose it was.
pub(crate) async fn invitation_take(
    tx: &mut Tx,
    digest: &Digest,
    now: Timestamp,
) -> Result<Option<PersonId>, StoreError> {
    let query = sqlx::query_scalar(TAKE).bind(digest.as_slice()).bind(now.as_micros());
    let id: Option<String> = query.fetch_optional(&mut **tx).await?;
    id.map(|id| PERSON.parse(&id)).transpose()
}
