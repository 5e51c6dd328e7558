//! The table `invitation`.

use storage::{Connection, StoreError, Tx, on};
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
    on!(tx, conn => {
        let query = sqlx::query(PUT).bind(person.as_str()).bind(digest.as_slice()).bind(expires_at.as_micros());
        query.execute(conn).await?;
    });
    Ok(())
}

const FIND: &str = "SELECT person_id FROM invitation WHERE digest = $1 AND expires_at > $2";

/// Whose invitation that is, unless it has expired.
#[tracing::instrument(name = "db.invitation.find", level = "debug", skip_all)]
pub(crate) async fn invitation_find(
    mut conn: Connection<'_>,
    digest: &Digest,
    now: Timestamp,
) -> Result<Option<PersonId>, StoreError> {
    let id: Option<String> = on!(conn, conn => {
        sqlx::query_scalar(FIND).bind(digest.as_slice()).bind(now.as_micros()).fetch_optional(conn).await?
    });
    id.map(|id| PERSON.parse(&id)).transpose()
}

const TAKE: &str = "DELETE FROM invitation WHERE person_id = $1 AND digest = $2 AND expires_at > $3";

/// Uses up the person's invitation, unless it has expired. Whether it was still there.
pub(crate) async fn invitation_take(
    tx: &mut Tx,
    (person, digest): (&PersonId, &Digest),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let taken = on!(tx, conn => {
        let query = sqlx::query(TAKE).bind(person.as_str()).bind(digest.as_slice()).bind(now.as_micros());
        query.execute(conn).await?.rows_affected()
    });
    Ok(taken == 1)
}
