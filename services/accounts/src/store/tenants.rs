//! The table `tenant`.

use sqlx::FromRow;
use storage::{Connection, StoreError, Tx, on};
use vocabulary::{Name, ProviderId, Timestamp};

use super::Column;
use crate::listing::PageWish;
use crate::tenant::{Lineage, Tenant};

const fn column(column: &'static str) -> Column {
    Column { table: "tenant", column }
}

#[derive(FromRow)]
struct TenantRow {
    id: String,
    parent_id: Option<String>,
    kind: String,
    level: i64,
    name: String,
    frozen_at: Option<i64>,
    created_at: i64,
    stopped: bool,
}

impl TryFrom<TenantRow> for Tenant {
    type Error = StoreError;

    fn try_from(row: TenantRow) -> Result<Self, StoreError> {
        let parent = row.parent_id.as_deref().map(|id| column("parent_id").parse(id)).transpose()?;
        Ok(Self {
            id: column("id").parse(&row.id)?,
            parent,
            kind: column("kind").parse(&row.kind)?,
            level: u32::try_from(row.level).map_err(|_| column("level").impossible())?,
            name: Name::stored(row.name),
            frozen_at: row.frozen_at.map(Timestamp::from_micros),
            is_stopped: row.stopped,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}

/// Each with `stopped` as far as the rows read so far tell: from the tenant up to the root.
const LINEAGE: &str = "
WITH RECURSIVE line (id, parent_id, kind, level, name, frozen_at, created_at) AS (
    SELECT id, parent_id, kind, level, name, frozen_at, created_at FROM tenant WHERE id = $1
    UNION ALL
    SELECT tenant.id, tenant.parent_id, tenant.kind, tenant.level, tenant.name, tenant.frozen_at, tenant.created_at
    FROM tenant JOIN line ON tenant.id = line.parent_id
)
SELECT id, parent_id, kind, level, name, frozen_at, created_at, frozen_at IS NOT NULL AS stopped
FROM line
ORDER BY level";

/// The tenant and who stands above it.
#[tracing::instrument(name = "db.tenant.lineage", level = "debug", skip_all)]
pub(crate) async fn lineage(mut conn: Connection<'_>, id: &ProviderId) -> Result<Option<Lineage>, StoreError> {
    let rows: Vec<TenantRow> = on!(conn, conn => {
        sqlx::query_as(LINEAGE).bind(id.as_str()).fetch_all(conn).await?
    });
    let mut line = rows.into_iter().map(Tenant::try_from).collect::<Result<Vec<_>, _>>()?;
    let Some(mut tenant) = line.pop() else { return Ok(None) };
    tenant.is_stopped |= line.iter().any(|above| above.is_stopped);
    Ok(Some(Lineage { tenant, above: line.into_iter().map(|above| above.id).collect() }))
}

/// Until the transaction ends, nobody else makes or freezes a tenant anywhere: what is frozen was not built on at the
/// same moment.
///
/// One lock for the whole tree, because those who take it stand in a queue. Locks of rows that those who build below
/// share would let them keep the one waiting who is to stop them. Acts are written one after another in any case.
pub(crate) async fn tree_take(tx: &mut Tx) -> Result<(), StoreError> {
    super::take(tx, super::TURN, "tenant").await
}

const BELOW: &str = "
WITH RECURSIVE
above (parent_id, frozen_at) AS (
    SELECT parent_id, frozen_at FROM tenant WHERE id = $1
    UNION ALL
    SELECT tenant.parent_id, tenant.frozen_at FROM tenant JOIN above ON tenant.id = above.parent_id
),
below (id, stopped) AS (
    SELECT $1, EXISTS (SELECT 1 FROM above WHERE frozen_at IS NOT NULL)
    UNION ALL
    SELECT tenant.id, below.stopped OR tenant.frozen_at IS NOT NULL
    FROM tenant JOIN below ON tenant.parent_id = below.id
)
SELECT
    tenant.id, tenant.parent_id, tenant.kind, tenant.level, tenant.name, tenant.frozen_at, tenant.created_at,
    below.stopped
FROM below JOIN tenant ON tenant.id = below.id
WHERE below.id <> $1 AND below.id > $2
ORDER BY below.id
LIMIT $3";

/// Everyone below `id`, at any depth, by id: those after `after`, at most `most`.
async fn below(
    mut conn: Connection<'_>,
    id: &ProviderId,
    (after, most): (&str, i64),
) -> Result<Vec<Tenant>, StoreError> {
    let rows: Vec<TenantRow> = on!(conn, conn => {
        sqlx::query_as(BELOW).bind(id.as_str()).bind(after).bind(most).fetch_all(conn).await?
    });
    rows.into_iter().map(Tenant::try_from).collect()
}

/// A page of those below `id`, and the first of the page after.
#[tracing::instrument(name = "db.tenant.list", level = "debug", skip_all)]
pub(crate) async fn tenant_list(
    conn: Connection<'_>,
    id: &ProviderId,
    wish: &PageWish,
) -> Result<Vec<Tenant>, StoreError> {
    below(conn, id, (wish.after.as_str(), wish.to_read())).await
}

/// Everyone below `id`.
#[tracing::instrument(name = "db.tenant.subtree", level = "debug", skip_all)]
pub(crate) async fn tenants_below(conn: Connection<'_>, id: &ProviderId) -> Result<Vec<Tenant>, StoreError> {
    below(conn, id, ("", i64::MAX)).await
}

const CREATE: &str = "
INSERT INTO tenant (id, parent_id, kind, level, name, name_key, frozen_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, NULL, $7)";

/// `AlreadyExists` where the name is taken under its parent.
pub(crate) async fn tenant_create(tx: &mut Tx, tenant: &Tenant) -> Result<(), StoreError> {
    on!(tx, conn => {
        let query = sqlx::query(CREATE).bind(tenant.id.as_str());
        let query = query.bind(tenant.parent.as_ref().map(ProviderId::as_str)).bind(tenant.kind.word());
        let query = query.bind(i64::from(tenant.level)).bind(tenant.name.as_str()).bind(tenant.name.key());
        query.bind(tenant.created_at.as_micros()).execute(conn).await?;
    });
    Ok(())
}

const FREEZE: &str = "UPDATE tenant SET frozen_at = $2 WHERE id = $1 AND frozen_at IS NULL";
const THAW: &str = "UPDATE tenant SET frozen_at = NULL WHERE id = $1 AND frozen_at IS NOT NULL";

/// Freezes one that is not frozen itself. Whether it did.
pub(crate) async fn tenant_freeze(tx: &mut Tx, id: &ProviderId, at: Timestamp) -> Result<bool, StoreError> {
    let frozen = on!(tx, conn => {
        sqlx::query(FREEZE).bind(id.as_str()).bind(at.as_micros()).execute(conn).await?.rows_affected()
    });
    Ok(frozen == 1)
}

/// Thaws one that is frozen itself. Whether it did.
pub(crate) async fn tenant_thaw(tx: &mut Tx, id: &ProviderId) -> Result<bool, StoreError> {
    let thawed = on!(tx, conn => sqlx::query(THAW).bind(id.as_str()).execute(conn).await?.rows_affected());
    Ok(thawed == 1)
}
