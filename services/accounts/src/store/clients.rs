//! The table `client`. A revoked client is kept for the record and found by nobody.

use sqlx::FromRow;
use storage::{Connection, StoreError, Tx, on};
use vocabulary::{ClientId, Name, ProviderId, Timestamp};

use super::Column;
use crate::client::Client;
use crate::listing::PageWish;

const fn column(column: &'static str) -> Column {
    Column { table: "client", column }
}

#[derive(FromRow)]
struct ClientRow {
    id: String,
    tenant_id: String,
    name: String,
    role: String,
    scopes: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl TryFrom<ClientRow> for Client {
    type Error = StoreError;

    fn try_from(row: ClientRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: column("id").parse(&row.id)?,
            tenant: column("tenant_id").parse(&row.tenant_id)?,
            name: Name::stored(row.name),
            role: column("role").parse(&row.role)?,
            scopes: column("scopes").parse(&row.scopes)?,
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: row.expires_at.map(Timestamp::from_micros),
            last_used_at: row.last_used_at.map(Timestamp::from_micros),
        })
    }
}

const CREATE: &str = "
INSERT INTO client (id, tenant_id, name, role, scopes, created_at, expires_at, last_used_at, revoked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, NULL)";

/// `Dependency` where there is no such tenant.
pub(crate) async fn client_create(tx: &mut Tx, client: &Client) -> Result<(), StoreError> {
    on!(tx, conn => {
        let query = sqlx::query(CREATE).bind(client.id.as_str()).bind(client.tenant.as_str());
        let query = query.bind(client.name.as_str()).bind(client.role.word()).bind(client.scopes.to_string());
        let query = query.bind(client.created_at.as_micros()).bind(client.expires_at.map(Timestamp::as_micros));
        query.execute(conn).await?;
    });
    Ok(())
}

const FIND: &str = "
SELECT id, tenant_id, name, role, scopes, created_at, expires_at, last_used_at
FROM client
WHERE id = $1 AND revoked_at IS NULL";

/// The client, unless it was revoked; an expired one too.
#[tracing::instrument(name = "db.client.find", level = "debug", skip_all)]
pub(crate) async fn client_find(mut conn: Connection<'_>, id: &ClientId) -> Result<Option<Client>, StoreError> {
    let row: Option<ClientRow> = on!(conn, conn => {
        sqlx::query_as(FIND).bind(id.as_str()).fetch_optional(conn).await?
    });
    row.map(Client::try_from).transpose()
}

const TAKE: &str = "SELECT id FROM client WHERE id = $1 FOR UPDATE";

/// Until the transaction ends, nobody else revokes the client, nor gives it a secret.
pub(crate) async fn client_take(tx: &mut Tx, id: &ClientId) -> Result<(), StoreError> {
    super::take(tx, TAKE, id.as_str()).await
}

const LIST: &str = "
SELECT id, tenant_id, name, role, scopes, created_at, expires_at, last_used_at
FROM client
WHERE tenant_id = $1 AND id > $2 AND revoked_at IS NULL
ORDER BY id
LIMIT $3";

/// A page of a tenant's clients, and the first of the page after.
#[tracing::instrument(name = "db.client.list", level = "debug", skip_all)]
pub(crate) async fn client_list(
    mut conn: Connection<'_>,
    tenant: &ProviderId,
    wish: &PageWish,
) -> Result<Vec<Client>, StoreError> {
    let rows: Vec<ClientRow> = on!(conn, conn => {
        let query = sqlx::query_as(LIST).bind(tenant.as_str()).bind(wish.after.as_str()).bind(wish.to_read());
        query.fetch_all(conn).await?
    });
    rows.into_iter().map(Client::try_from).collect()
}

const REVOKE: &str = "UPDATE client SET revoked_at = $3 WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL";
const FORGET_SECRETS: &str = "DELETE FROM client_secret WHERE client_id = $1";

/// Revokes a client that is good, and forgets its secrets. Whether it did.
pub(crate) async fn client_revoke(
    tx: &mut Tx,
    (tenant, id): (&ProviderId, &ClientId),
    at: Timestamp,
) -> Result<bool, StoreError> {
    let revoked = on!(tx, conn => {
        let query = sqlx::query(REVOKE).bind(tenant.as_str()).bind(id.as_str()).bind(at.as_micros());
        query.execute(conn).await?.rows_affected()
    });
    if revoked == 0 {
        return Ok(false);
    }
    on!(tx, conn => sqlx::query(FORGET_SECRETS).bind(id.as_str()).execute(conn).await?.rows_affected());
    Ok(true)
}

const EXISTED: &str = "SELECT EXISTS (SELECT 1 FROM client WHERE tenant_id = $1 AND id = $2)";

/// Whether the tenant ever had this client, revoked or not.
pub(crate) async fn client_existed(tx: &mut Tx, tenant: &ProviderId, id: &ClientId) -> Result<bool, StoreError> {
    Ok(on!(tx, conn => {
        sqlx::query_scalar(EXISTED).bind(tenant.as_str()).bind(id.as_str()).fetch_one(conn).await?
    }))
}

const USED: &str = "UPDATE client SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";

/// Notes that a client logged in `at`. Of logins at the same time, the latest stays.
pub(crate) async fn client_used(tx: &mut Tx, id: &ClientId, at: Timestamp) -> Result<(), StoreError> {
    on!(tx, conn => sqlx::query(USED).bind(id.as_str()).bind(at.as_micros()).execute(conn).await?.rows_affected());
    Ok(())
}
