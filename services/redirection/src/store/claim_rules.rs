//! The table `claim_rule`.

use storage::{Db, StoreError, Tx, on};
use vocabulary::MacAddress;

use super::Column;
use crate::claim::{ClaimProof, ClaimRule, Prefix};

/// The most rules there may be: each claim looks through all of them.
pub(crate) const MOST_RULES: i64 = 10_000;

const PUT: &str = "
INSERT INTO claim_rule (prefix, bits, proof)
SELECT $1, $2, $3
WHERE (SELECT COUNT(*) FROM claim_rule) < $4 OR EXISTS (SELECT 1 FROM claim_rule WHERE prefix = $1 AND bits = $2)
ON CONFLICT (prefix, bits) DO UPDATE SET proof = excluded.proof";

/// Stores the rule in place of the one of the same prefix; `false` where there are too many others.
#[tracing::instrument(name = "db.claim_rule.put", level = "debug", skip_all)]
pub(crate) async fn claim_rule_put(tx: &mut Tx, rule: &ClaimRule) -> Result<bool, StoreError> {
    let put = on!(tx, conn => sqlx::query(PUT)
        .bind(rule.prefix.first().cast_signed())
        .bind(i64::from(rule.prefix.bits()))
        .bind(rule.proof.word())
        .bind(MOST_RULES)
        .execute(conn).await?.rows_affected());
    Ok(put == 1)
}

const DELETE: &str = "DELETE FROM claim_rule WHERE prefix = $1 AND bits = $2";

/// Deletes the rule of that prefix; `false` where there is none.
#[tracing::instrument(name = "db.claim_rule.delete", level = "debug", skip_all)]
pub(crate) async fn claim_rule_delete(tx: &mut Tx, prefix: Prefix) -> Result<bool, StoreError> {
    let deleted = on!(tx, conn => sqlx::query(DELETE)
        .bind(prefix.first().cast_signed())
        .bind(i64::from(prefix.bits()))
        .execute(conn).await?.rows_affected());
    Ok(deleted == 1)
}

const LIST: &str = "SELECT prefix, bits, proof FROM claim_rule ORDER BY bits DESC, prefix";

/// All rules, the most specific first.
#[tracing::instrument(name = "db.claim_rule.list", level = "debug", skip_all)]
pub(crate) async fn claim_rule_list(db: &Db) -> Result<Vec<ClaimRule>, StoreError> {
    let rows: Vec<(i64, i64, String)> = on!(db.read().await?, conn => sqlx::query_as(LIST).fetch_all(conn).await?);
    rows.into_iter().map(rule).collect()
}

/// The same in a transaction.
pub(super) async fn claim_rules(tx: &mut Tx) -> Result<Vec<ClaimRule>, StoreError> {
    let rows: Vec<(i64, i64, String)> = on!(tx, conn => sqlx::query_as(LIST).fetch_all(conn).await?);
    rows.into_iter().map(rule).collect()
}

const OF: &str = "
SELECT proof FROM claim_rule
WHERE prefix >> CAST(48 - bits AS INTEGER) = $1 >> CAST(48 - bits AS INTEGER)
ORDER BY bits DESC LIMIT 1";

/// What a claim of the phone must be proven by: the longest prefix says, and without any nothing is asked for.
#[tracing::instrument(name = "db.claim_rule.of", level = "debug", skip_all, fields(device.mac = %mac))]
pub(crate) async fn claim_rule_of(tx: &mut Tx, mac: MacAddress) -> Result<ClaimProof, StoreError> {
    let proof: Option<String> = on!(tx, conn => sqlx::query_scalar(OF).bind(mac.to_i64()).fetch_optional(conn).await?);
    proof.map_or(Ok(ClaimProof::Open), |proof| column("proof").parse(&proof))
}

fn rule((prefix, bits, proof): (i64, i64, String)) -> Result<ClaimRule, StoreError> {
    let bits = u32::try_from(bits).map_err(|_| column("bits").impossible())?;
    let prefix = Prefix::parse(prefix.cast_unsigned(), bits).map_err(|_| column("prefix").impossible())?;
    Ok(ClaimRule { prefix, proof: column("proof").parse(&proof)? })
}

const fn column(column: &'static str) -> Column {
    Column { table: "claim_rule", column }
}
