//! The table `provider_policy`.

use storage::{Connection, StoreError, Tx, on};
use vocabulary::ProviderId;

use super::Column;
use crate::policy::{ExpiredCertificates, Policy, ReleaseUnseen};

const FIND: &str = "SELECT expired_certificates, release_unseen_days FROM provider_policy WHERE provider_id = $1";

/// The provider's policy.
#[tracing::instrument(name = "db.provider_policy.find", level = "debug", skip_all)]
pub(crate) async fn provider_policy(mut conn: Connection<'_>, provider: &ProviderId) -> Result<Policy, StoreError> {
    let row: Option<(String, i64)> =
        on!(conn, conn => sqlx::query_as(FIND).bind(provider.as_str()).fetch_optional(conn).await?);
    let Some((expired, days)) = row else { return Ok(Policy::default()) };
    let days = u32::try_from(days).ok().and_then(|days| ReleaseUnseen::after(days).ok());
    Ok(Policy {
        expired_certificates: expired_from(&expired)?,
        release_unseen: days.ok_or(column("release_unseen_days").impossible())?,
    })
}

const SET: &str = "
INSERT INTO provider_policy (provider_id, expired_certificates, release_unseen_days)
VALUES ($1, $2, $3)
ON CONFLICT (provider_id) DO UPDATE
SET expired_certificates = excluded.expired_certificates,
    release_unseen_days = excluded.release_unseen_days";

/// Sets the provider's policy.
#[tracing::instrument(name = "db.provider_policy.set", level = "debug", skip_all)]
pub(crate) async fn provider_policy_set(tx: &mut Tx, provider: &ProviderId, policy: Policy) -> Result<(), StoreError> {
    on!(tx, conn => { sqlx::query(SET)
        .bind(provider.as_str())
        .bind(policy.expired_certificates.word())
        .bind(i64::from(policy.release_unseen.days()))
        .execute(conn).await?; });
    Ok(())
}

const ALL: &str = "SELECT provider_id, expired_certificates FROM provider_policy";

/// Every provider's word on expired certificates, where it has said one.
pub(super) async fn provider_policies(tx: &mut Tx) -> Result<Vec<(ProviderId, ExpiredCertificates)>, StoreError> {
    let rows: Vec<(String, String)> = on!(tx, conn => sqlx::query_as(ALL).fetch_all(conn).await?);
    let parsed =
        |(provider, expired): (String, String)| Ok((column("provider_id").parse(&provider)?, expired_from(&expired)?));
    rows.into_iter().map(parsed).collect()
}

pub(super) fn expired_from(word: &str) -> Result<ExpiredCertificates, StoreError> {
    ExpiredCertificates::from_word(word).ok_or(column("expired_certificates").impossible())
}

const fn column(column: &'static str) -> Column {
    Column { table: "provider_policy", column }
}
