//! The table `frozen_provider`.

use storage::{StoreError, Tx, on};
use vocabulary::{ProviderId, Timestamp};

use crate::refusal::ProviderFrozen;

const FREEZE: &str = "
INSERT INTO frozen_provider (provider_id, since) VALUES ($1, $2)
ON CONFLICT (provider_id) DO NOTHING";

const THAW: &str = "DELETE FROM frozen_provider WHERE provider_id = $1";

const IS_FROZEN: &str = "SELECT COUNT(*) FROM frozen_provider WHERE provider_id = $1";

/// Whether a provider is as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    Changed,
    AsBefore,
}

/// Freezes the provider; one that is frozen stays so since when it was.
#[tracing::instrument(name = "db.provider.freeze", level = "debug", skip_all)]
pub(crate) async fn provider_freeze(tx: &mut Tx, provider: &ProviderId, since: Timestamp) -> Result<Moved, StoreError> {
    let done = on!(tx, conn => sqlx::query(FREEZE).bind(provider.as_str()).bind(since.as_micros()).execute(conn).await?.rows_affected());
    Ok(Moved::by(done))
}

/// Restores the provider.
#[tracing::instrument(name = "db.provider.thaw", level = "debug", skip_all)]
pub(crate) async fn provider_thaw(tx: &mut Tx, provider: &ProviderId) -> Result<Moved, StoreError> {
    let done = on!(tx, conn => sqlx::query(THAW).bind(provider.as_str()).execute(conn).await?.rows_affected());
    Ok(Moved::by(done))
}

impl Moved {
    const fn by(rows: u64) -> Self {
        if rows == 0 { Self::AsBefore } else { Self::Changed }
    }
}

/// Begins every change a provider makes; nobody else writes until the transaction ends (`writer.rs`), so that
/// the provider stays free meanwhile.
pub(crate) async fn provider_must_be_free<E>(tx: &mut Tx, provider: &ProviderId) -> Result<(), E>
where
    E: From<ProviderFrozen> + From<StoreError>,
{
    let frozen = on!(tx, conn => sqlx::query_scalar(IS_FROZEN).bind(provider.as_str()).fetch_one(conn).await);
    let frozen: i64 = frozen.map_err(StoreError::from)?;
    if frozen > 0 { Err(ProviderFrozen.into()) } else { Ok(()) }
}
