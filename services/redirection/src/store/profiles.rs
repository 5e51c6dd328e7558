//! The table `profile`.

use sqlx::{FromRow, SqliteExecutor};
use storage::StoreError;
use storage::sqlite::{Db, Tx};
use vocabulary::{ProfileId, ProviderId, Timestamp};

use super::Column;
use crate::listing::{Page, PageSize};
use crate::profile::{Parameters, Profile, ProfileContent};
use crate::profile_name::ProfileName;
use crate::refusal::ProfileRefused;

/// A page ends when its parameters have this many bytes: a gRPC message has at most 4 MiB.
const PAGE_BYTES: usize = 1024 * 1024;
/// How many profiles are read at once; each may have more than 64 KiB.
const CHUNK: usize = 16;

/// A profile to be stored.
pub(crate) struct NewProfile {
    pub id: ProfileId,
    pub provider: ProviderId,
    pub content: ProfileContent,
    pub at: Timestamp,
}

/// What a profile is to be replaced with.
pub(crate) struct Replacement {
    pub id: ProfileId,
    pub provider: ProviderId,
    pub content: ProfileContent,
    /// Only this version is replaced; 0 for any.
    pub expected_version: u64,
    pub at: Timestamp,
}

const CREATE: &str = "
INSERT INTO profile (id, provider_id, name, name_key, parameters, version, created_at, changed_at)
VALUES ($1, $2, $3, $4, $5, 1, $6, $6)
RETURNING id, provider_id, name, parameters, version, created_at, changed_at";

/// Stores a profile.
#[tracing::instrument(name = "db.profile.create", level = "debug", skip_all)]
pub(crate) async fn profile_create(tx: &mut Tx, new: &NewProfile) -> Result<Profile, ProfileRefused> {
    let row: Result<ProfileRow, _> = sqlx::query_as(CREATE)
        .bind(new.id.as_str())
        .bind(new.provider.as_str())
        .bind(new.content.name.as_str())
        .bind(new.content.name.key())
        .bind(text_of(&new.content.parameters)?)
        .bind(new.at.as_micros())
        .fetch_one(&mut **tx)
        .await;
    Ok(row.map_err(name_taken)?.try_into()?)
}

const FIND: &str = "
SELECT id, provider_id, name, parameters, version, created_at, changed_at
FROM profile WHERE id = $1 AND provider_id = $2";

/// The provider's profile of that id, where there is one.
#[tracing::instrument(name = "db.profile.find", level = "debug", skip_all)]
pub(crate) async fn profile_find(
    executor: impl SqliteExecutor<'_>,
    provider: &ProviderId,
    id: &ProfileId,
) -> Result<Option<Profile>, StoreError> {
    let row: Option<ProfileRow> =
        sqlx::query_as(FIND).bind(id.as_str()).bind(provider.as_str()).fetch_optional(executor).await?;
    row.map(Profile::try_from).transpose()
}

const LIST: &str = "
SELECT id, provider_id, name, parameters, version, created_at, changed_at
FROM profile WHERE provider_id = $1 AND id > $2
ORDER BY id LIMIT $3";

/// The provider's profiles behind the id `after`, in the order of their ids. A page of large profiles
/// ends before `size`.
#[tracing::instrument(name = "db.profile.list", level = "debug", skip_all)]
pub(crate) async fn profile_list(
    db: &Db,
    provider: &ProviderId,
    after: &str,
    size: PageSize,
) -> Result<Page<Profile>, StoreError> {
    let mut page = Page { items: Vec::new(), more: false };
    let mut bytes = 0;
    let mut after = after.to_owned();
    loop {
        let rows: Vec<ProfileRow> = sqlx::query_as(LIST)
            .bind(provider.as_str())
            .bind(&after)
            .bind(i64::try_from(CHUNK).unwrap_or(i64::MAX))
            .fetch_all(db.reader())
            .await?;
        let is_last = rows.len() < CHUNK;
        for row in rows {
            if page.items.len() == size.get() || bytes >= PAGE_BYTES {
                return Ok(Page { more: true, ..page });
            }
            bytes += row.parameters.len();
            after.clone_from(&row.id);
            page.items.push(row.try_into()?);
        }
        if is_last {
            return Ok(page);
        }
    }
}

const REPLACE: &str = "
UPDATE profile
SET name = $3, name_key = $4, parameters = $5, version = version + 1, changed_at = $6
WHERE id = $1 AND provider_id = $2 AND ($7 = 0 OR version = $7)
RETURNING id, provider_id, name, parameters, version, created_at, changed_at";

/// Replaces what a profile says.
#[tracing::instrument(name = "db.profile.replace", level = "debug", skip_all)]
pub(crate) async fn profile_replace(tx: &mut Tx, new: &Replacement) -> Result<Profile, ProfileRefused> {
    let row: Result<Option<ProfileRow>, _> = sqlx::query_as(REPLACE)
        .bind(new.id.as_str())
        .bind(new.provider.as_str())
        .bind(new.content.name.as_str())
        .bind(new.content.name.key())
        .bind(text_of(&new.content.parameters)?)
        .bind(new.at.as_micros())
        .bind(i64::try_from(new.expected_version).unwrap_or(i64::MAX))
        .fetch_optional(&mut **tx)
        .await;
    match row.map_err(name_taken)? {
        Some(row) => Ok(row.try_into()?),
        None => match profile_find(&mut **tx, &new.provider, &new.id).await? {
            Some(_) => Err(ProfileRefused::Changed),
            None => Err(ProfileRefused::Unknown),
        },
    }
}

const DELETE: &str = "
DELETE FROM profile
WHERE id = $1 AND provider_id = $2
AND NOT EXISTS (SELECT 1 FROM device WHERE provider_id = $2 AND profile_id = $1)";

const COUNT_PHONES: &str = "SELECT COUNT(*) FROM device WHERE provider_id = $1 AND profile_id = $2";

/// Deletes a profile that no phone goes to.
#[tracing::instrument(name = "db.profile.delete", level = "debug", skip_all)]
pub(crate) async fn profile_delete(tx: &mut Tx, provider: &ProviderId, id: &ProfileId) -> Result<(), ProfileRefused> {
    let deleted = sqlx::query(DELETE).bind(id.as_str()).bind(provider.as_str()).execute(&mut **tx).await;
    if deleted.map_err(StoreError::from)?.rows_affected() == 1 {
        return Ok(());
    }
    let counted = sqlx::query_scalar(COUNT_PHONES).bind(provider.as_str()).bind(id.as_str()).fetch_one(&mut **tx).await;
    let phones: i64 = counted.map_err(StoreError::from)?;
    match u64::try_from(phones) {
        Ok(phones @ 1..) => Err(ProfileRefused::InUse(phones)),
        Ok(0) | Err(_) => Err(ProfileRefused::Unknown),
    }
}

fn name_taken(error: sqlx::Error) -> ProfileRefused {
    let error = StoreError::from(error);
    // Ids have a hundred random bits: what exists already is the name.
    if matches!(error, StoreError::AlreadyExists) { ProfileRefused::NameTaken } else { error.into() }
}

const PARAMETERS: Column = Column { table: "profile", column: "parameters" };

fn text_of(parameters: &Parameters) -> Result<String, StoreError> {
    serde_json::to_string(parameters).map_err(|_| PARAMETERS.impossible())
}

#[derive(FromRow)]
pub(super) struct ProfileRow {
    id: String,
    provider_id: String,
    name: String,
    parameters: String,
    version: i64,
    created_at: i64,
    changed_at: i64,
}

impl TryFrom<ProfileRow> for Profile {
    type Error = StoreError;

    /// Parameters were checked when they were stored; the rules may have become stricter since.
    fn try_from(row: ProfileRow) -> Result<Self, StoreError> {
        let version = Column { table: "profile", column: "version" };
        Ok(Self {
            id: Column { table: "profile", column: "id" }.parse(&row.id)?,
            provider: Column { table: "profile", column: "provider_id" }.parse(&row.provider_id)?,
            content: ProfileContent {
                name: ProfileName::stored(row.name),
                parameters: serde_json::from_str(&row.parameters).map_err(|_| PARAMETERS.impossible())?,
            },
            version: u64::try_from(row.version).map_err(|_| version.impossible())?,
            created_at: Timestamp::from_micros(row.created_at),
            changed_at: Timestamp::from_micros(row.changed_at),
        })
    }
}
