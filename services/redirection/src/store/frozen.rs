//! The table `frozen_provider`.

use storage::StoreError;
use storage::sqlite::Tx;
use vocabulary::{ProviderId, Timestamp};

use crate::refusal::ProviderFrozen;

const FREEZE: &str = "
INSERT INTO frozen_provider (provider_id, since) VALUES ($1, $2)
ON CONFLICT (provider_id) DO NOTHING";

const THAW: &str = "DELETE FROM frozen_provider WHERE provider_id = $1";

const IS_FROZEN: &str = "SELECT 1 FROM frozen_provider WHERE provider_id = $1";

/// Whether a provider is as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    Changed,
    AsBefore,
}

/// Freezes the provider; one that is frozen stays so since when it was.
#[tracing::instrument(name = "db.provider.freeze", level = "debug", skip_all)]
pub(crate) async fn provider_freeze(tx: &mut Tx, provider: &ProviderId, since: Timestamp) -> Result<Moved, StoreError> {
    let done = sqlx::query(FREEZE).bind(provider.as_str()).bind(since.as_micros()).execute(&mut **tx).await?;
    Ok(Moved::by(done.rows_affected()))
}

/// Restores the provider.
#[tracing::instrument(name = "db.provider.thaw", level = "debug", skip_all)]
pub(crate) async fn provider_thaw(tx: &mut Tx, provider: &ProviderId) -> Result<Moved, StoreError> {
    let done = sqlx::query(THAW).bind(provider.as_str()).execute(&mut **tx).await?;
    Ok(Moved::by(done.rows_affected()))
}

impl Moved {
    const fn by(rows: u64) -> Self {
        if rows == 0 { Self::AsBefore } else { Self::Changed }
    }
}

/// Begins every change a provider makes; the transaction holds the only writer's turn, so that the
/// provider stays free until it ends.
pub(crate) async fn provider_must_be_free<E>(tx: &mut Tx, provider: &ProviderId) -> Result<(), E>
where
    E: From<ProviderFrozen> + From<StoreError>,
{
    let row = sqlx::query(IS_FROZEN).bind(provider.as_str()).fetch_optional(&mut **tx).await;
    match row.map_err(StoreError::from)? {
        Some(_) => Err(ProviderFrozen.into()),
        None => Ok(()),
    }
}
