//! The tables `provider` and `client`, and every statement on them.

use sqlx::{FromRow, Sqlite};
use storage::StoreError;
use storage::sqlite::Db;
use vocabulary::{ClientId, Name, ProviderId, Timestamp};

use crate::credentials::SecretHash;
use crate::provider::Provider;
use crate::token::Role;

/// A client to be stored.
pub(crate) struct ClientRecord<'a> {
    pub id: &'a ClientId,
    pub role: &'a Role,
    pub name: &'a Name,
    pub secret_hash: &'a SecretHash,
    pub created_at: Timestamp,
}

/// What a login needs to know of its client.
#[derive(Debug)]
pub(crate) struct KnownClient {
    pub role: Role,
    pub secret_hash: SecretHash,
    pub last_used_at: Option<Timestamp>,
    /// Since when the client's provider is frozen.
    pub frozen_at: Option<Timestamp>,
}

/// The service's database.
#[derive(Clone)]
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    pub async fn ping(&self) -> Result<(), StoreError> {
        self.db.ping().await
    }

    pub async fn close(&self) {
        self.db.close().await;
    }

    /// Stores a provider and its first client, both or neither. `AlreadyExists` where the name is taken.
    #[tracing::instrument(name = "db.provider.create", level = "debug", skip_all)]
    pub async fn provider_create(&self, provider: &Provider, client: &ClientRecord<'_>) -> Result<(), StoreError> {
        let mut tx = self.db.write().await?;
        sqlx::query(PROVIDER_CREATE)
            .bind(provider.id.as_str())
            .bind(provider.name.as_str())
            .bind(provider.name.key())
            .bind(provider.created_at.as_micros())
            .execute(&mut *tx)
            .await?;
        client_insert(&mut *tx, client).await?;
        Ok(tx.commit().await?)
    }

    #[tracing::instrument(name = "db.provider.find", level = "debug", skip_all)]
    pub async fn provider_find(&self, id: &ProviderId) -> Result<Option<Provider>, StoreError> {
        let row: Option<ProviderRow> =
            sqlx::query_as(PROVIDER_FIND).bind(id.as_str()).fetch_optional(self.db.reader()).await?;
        row.map(Provider::try_from).transpose()
    }

    /// Providers in the order of their ids, those after `after`, at most `limit`.
    #[tracing::instrument(name = "db.provider.list", level = "debug", skip_all)]
    pub async fn provider_list(&self, after: Option<&ProviderId>, limit: u32) -> Result<Vec<Provider>, StoreError> {
        let rows: Vec<ProviderRow> = sqlx::query_as(PROVIDER_LIST)
            .bind(after.map_or("", ProviderId::as_str))
            .bind(limit)
            .fetch_all(self.db.reader())
            .await?;
        rows.into_iter().map(Provider::try_from).collect()
    }

    /// Freezes a provider that is not frozen; the moment of an earlier freezing stays.
    #[tracing::instrument(name = "db.provider.freeze", level = "debug", skip_all)]
    pub async fn provider_freeze(&self, id: &ProviderId, at: Timestamp) -> Result<Option<Provider>, StoreError> {
        let mut tx = self.db.write().await?;
        sqlx::query(PROVIDER_FREEZE).bind(id.as_str()).bind(at.as_micros()).execute(&mut *tx).await?;
        let row: Option<ProviderRow> = sqlx::query_as(PROVIDER_FIND).bind(id.as_str()).fetch_optional(&mut *tx).await?;
        tx.commit().await?;
        row.map(Provider::try_from).transpose()
    }

    /// Lets a frozen provider log in again.
    #[tracing::instrument(name = "db.provider.thaw", level = "debug", skip_all)]
    pub async fn provider_thaw(&self, id: &ProviderId) -> Result<Option<Provider>, StoreError> {
        let mut tx = self.db.write().await?;
        sqlx::query(PROVIDER_THAW).bind(id.as_str()).execute(&mut *tx).await?;
        let row: Option<ProviderRow> = sqlx::query_as(PROVIDER_FIND).bind(id.as_str()).fetch_optional(&mut *tx).await?;
        tx.commit().await?;
        row.map(Provider::try_from).transpose()
    }

    #[tracing::instrument(name = "db.client.create", level = "debug", skip_all)]
    pub async fn client_create(&self, client: &ClientRecord<'_>) -> Result<(), StoreError> {
        let mut tx = self.db.write().await?;
        client_insert(&mut *tx, client).await?;
        Ok(tx.commit().await?)
    }

    #[tracing::instrument(name = "db.client.find", level = "debug", skip_all)]
    pub async fn client_find(&self, id: &ClientId) -> Result<Option<KnownClient>, StoreError> {
        let row: Option<ClientRow> =
            sqlx::query_as(CLIENT_FIND).bind(id.as_str()).fetch_optional(self.db.reader()).await?;
        row.map(KnownClient::try_from).transpose()
    }

    /// Notes that a client logged in `at`. Of logins at the same time, the latest stays.
    #[tracing::instrument(name = "db.client.used", level = "debug", skip_all)]
    pub async fn client_used(&self, id: &ClientId, at: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.db.write().await?;
        sqlx::query(CLIENT_USED).bind(id.as_str()).bind(at.as_micros()).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }
}

const PROVIDER_CREATE: &str = "\
    INSERT INTO provider (id, name, name_key, frozen_at, created_at, version)
    VALUES ($1, $2, $3, NULL, $4, 1)";

const PROVIDER_FIND: &str = "\
    SELECT id, name, frozen_at, created_at
    FROM provider
    WHERE id = $1";

const PROVIDER_LIST: &str = "\
    SELECT id, name, frozen_at, created_at
    FROM provider
    WHERE id > $1
    ORDER BY id
    LIMIT $2";

const PROVIDER_FREEZE: &str = "\
    UPDATE provider
    SET frozen_at = $2, version = version + 1
    WHERE id = $1 AND frozen_at IS NULL";

const PROVIDER_THAW: &str = "\
    UPDATE provider
    SET frozen_at = NULL, version = version + 1
    WHERE id = $1 AND frozen_at IS NOT NULL";

const CLIENT_CREATE: &str = "\
    INSERT INTO client (id, provider_id, role, name, secret_hash, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)";

const CLIENT_FIND: &str = "\
    SELECT client.role, client.provider_id, client.secret_hash, client.last_used_at, provider.frozen_at
    FROM client
    LEFT JOIN provider ON provider.id = client.provider_id
    WHERE client.id = $1";

const CLIENT_USED: &str = "\
    UPDATE client
    SET last_used_at = $2
    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";

async fn client_insert(
    conn: impl sqlx::Executor<'_, Database = Sqlite>,
    client: &ClientRecord<'_>,
) -> Result<(), StoreError> {
    sqlx::query(CLIENT_CREATE)
        .bind(client.id.as_str())
        .bind(client.role.provider().map(ProviderId::as_str))
        .bind(client.role.name())
        .bind(client.name.as_str())
        .bind(client.secret_hash.expose())
        .bind(client.created_at.as_micros())
        .execute(conn)
        .await?;
    Ok(())
}

#[derive(FromRow)]
struct ProviderRow {
    id: String,
    name: String,
    frozen_at: Option<i64>,
    created_at: i64,
}

impl TryFrom<ProviderRow> for Provider {
    type Error = StoreError;

    fn try_from(row: ProviderRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.parse().map_err(|_| StoreError::Inconsistent { table: "provider", column: "id" })?,
            name: Name::stored(row.name),
            frozen_at: row.frozen_at.map(Timestamp::from_micros),
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}

#[derive(FromRow)]
struct ClientRow {
    role: String,
    provider_id: Option<String>,
    secret_hash: String,
    last_used_at: Option<i64>,
    frozen_at: Option<i64>,
}

impl TryFrom<ClientRow> for KnownClient {
    type Error = StoreError;

    fn try_from(row: ClientRow) -> Result<Self, StoreError> {
        let role = match (row.role.as_str(), row.provider_id) {
            ("operator", None) => Role::Operator,
            ("provider", Some(id)) => Role::Provider(
                id.parse().map_err(|_| StoreError::Inconsistent { table: "client", column: "provider_id" })?,
            ),
            (_, _) => return Err(StoreError::Inconsistent { table: "client", column: "role" }),
        };
        Ok(Self {
            role,
            secret_hash: SecretHash::stored(row.secret_hash),
            last_used_at: row.last_used_at.map(Timestamp::from_micros),
            frozen_at: row.frozen_at.map(Timestamp::from_micros),
        })
    }
}
