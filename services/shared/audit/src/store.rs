//! SQL: appending one act, and reading acts back. Nothing here changes or removes one; the table's triggers
//! would refuse it.

use storage::{Db, StoreError, Tx};

use crate::act::Act;
use crate::chain::{Columns, Hash};

/// Reads whole rows; what follows says which.
macro_rules! select {
    ($which:literal) => {
        concat!(
            "
            SELECT number, at, concerns, subject, subject_tenant, source, request_id, verb, target, detail,
                   previous, hash
            FROM act",
            $which
        )
    };
}

/// A row as it stands there. The texts are read as bytes: what somebody put there may be no text at all, and the
/// hash is over bytes.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Row {
    pub number: i64,
    pub at: i64,
    pub concerns: Vec<u8>,
    pub subject: Vec<u8>,
    pub subject_tenant: Vec<u8>,
    pub source: Vec<u8>,
    pub request_id: Vec<u8>,
    pub verb: Vec<u8>,
    pub target: Vec<u8>,
    pub detail: Vec<u8>,
    pub previous: Vec<u8>,
    pub hash: Vec<u8>,
}

impl Row {
    /// The columns that the hash speaks of.
    pub fn columns(&self) -> Columns<'_> {
        let texts = [
            &self.concerns,
            &self.subject,
            &self.subject_tenant,
            &self.source,
            &self.request_id,
            &self.verb,
            &self.target,
            &self.detail,
        ];
        Columns { number: self.number, at: self.at, texts: texts.map(Vec::as_slice) }
    }
}

/// Which acts are wanted. Empty texts and lists want all.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub concerns: Vec<String>,
    pub verb_prefix: String,
    pub target: String,
    pub subject: String,
    pub from: i64,
    pub until: i64,
    /// Only acts numbered below this.
    pub before: i64,
    pub limit: u32,
}

/// Appends `act` to the log of this service, in the transaction of what was done: both are kept, or neither.
///
/// Fails only where the database does; no text is too long.
#[tracing::instrument(name = "db.audit.append", level = "debug", skip_all, fields(audit.verb = act.verb))]
pub async fn append(tx: &mut Tx, act: &Act<'_>) -> Result<(), StoreError> {
    const LAST: &str = "SELECT number, hash FROM act ORDER BY number DESC LIMIT 1";
    const APPEND: &str = "
        INSERT INTO act (number, at, concerns, subject, subject_tenant, source, request_id, verb, target, detail,
                         previous, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

    // Nobody else writes before this transaction ends, so that the last act stays the last.
    let last: Option<(i64, Vec<u8>)> = sqlx::query_as(LAST).fetch_optional(&mut **tx).await?;
    let (last, previous) = last.unwrap_or_else(|| (0, Hash::default().to_vec()));
    let previous: Hash = previous.try_into().map_err(|_| StoreError::Inconsistent { table: "act", column: "hash" })?;
    let (number, at) = (last.saturating_add(1), act.at.as_micros());
    let texts = act.texts();
    let columns = Columns { number, at, texts: texts.each_ref().map(String::as_bytes) };
    let hash = columns.hash(&previous);
    let mut statement = sqlx::query(APPEND).bind(number).bind(at);
    for text in &texts {
        statement = statement.bind(text);
    }
    statement.bind(previous.as_slice()).bind(hash.as_slice()).execute(&mut **tx).await?;
    Ok(())
}

/// At most `limit` rows that come after the one numbered `after`, in their order.
pub(crate) async fn acts_after(db: &Db, after: i64, limit: u32) -> Result<Vec<Row>, StoreError> {
    const AFTER: &str = select!(" WHERE number > $1 ORDER BY number LIMIT $2");

    Ok(sqlx::query_as(AFTER).bind(after).bind(limit).fetch_all(db.reader()).await?)
}

/// The wanted acts, newest first, and whether there are older ones.
#[tracing::instrument(name = "db.audit.acts", level = "debug", skip_all)]
pub(crate) async fn acts(db: &Db, wanted: &Wanted) -> Result<(Vec<Row>, bool), StoreError> {
    const OF_ALL: &str = select!(
        "
            WHERE number < $1
              AND at >= $2
              AND at < $3
              AND substr(verb, 1, length($4)) = $4
              AND ($5 = '' OR target = $5)
              AND ($6 = '' OR subject = $6)
            ORDER BY number DESC
            LIMIT $7"
    );
    const OF_TENANTS: &str = select!(
        "
            WHERE number < $1
              AND at >= $2
              AND at < $3
              AND substr(verb, 1, length($4)) = $4
              AND ($5 = '' OR target = $5)
              AND ($6 = '' OR subject = $6)
              AND concerns IN (SELECT value FROM json_each($8))
            ORDER BY number DESC
            LIMIT $7"
    );

    let statement = if wanted.concerns.is_empty() { OF_ALL } else { OF_TENANTS };
    let mut query = sqlx::query_as(statement)
        .bind(wanted.before)
        .bind(wanted.from)
        .bind(wanted.until)
        .bind(&wanted.verb_prefix)
        .bind(&wanted.target)
        .bind(&wanted.subject)
        // One more than wanted tells whether there are more.
        .bind(i64::from(wanted.limit) + 1);
    if !wanted.concerns.is_empty() {
        query = query.bind(serde_json::Value::from(wanted.concerns.clone()).to_string());
    }
    let mut rows: Vec<Row> = query.fetch_all(db.reader()).await?;
    let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    Ok((rows, more))
}
