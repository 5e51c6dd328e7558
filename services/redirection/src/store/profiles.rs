//! The table `profile`.

use sqlx::FromRow;
use storage::{Connection, Db, StoreError, Tx, on};
use vault::Vault;
use vocabulary::{Name, ProfileId, ProviderId, Timestamp};

use super::sealing::Place;
use super::{Column, looked_for};
use crate::listing::{Page, PageSize};
use crate::profile::{Parameters, Profile, ProfileContent, Proof};
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

/// Which profiles of a provider to list.
pub(crate) struct ProfileQuery {
    pub provider: ProviderId,
    /// Only ids behind this one.
    pub after: String,
    pub size: PageSize,
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
INSERT INTO profile (
    id, provider_id, name, name_key, parameters, sealed_parameters, proof, version, created_at, changed_at
)
VALUES ($1, $2, $3, $4, '', $5, $6, 1, $7, $7)
RETURNING id, provider_id, name, sealed_parameters, proof, version, created_at, changed_at";

/// Stores a profile.
#[tracing::instrument(name = "db.profile.create", level = "debug", skip_all)]
pub(crate) async fn profile_create(tx: &mut Tx, vault: &Vault, new: &NewProfile) -> Result<Profile, ProfileRefused> {
    let row: Result<ProfileRow, _> = on!(tx, conn => sqlx::query_as(CREATE)
        .bind(new.id.as_str())
        .bind(new.provider.as_str())
        .bind(new.content.name.as_str())
        .bind(new.content.name.key())
        .bind(sealed(vault, &new.id, &new.content.parameters)?)
        .bind(new.content.proof.word())
        .bind(new.at.as_micros())
        .fetch_one(conn).await);
    Ok(row.map_err(name_taken)?.opened(vault)?)
}

const FIND: &str = "
SELECT id, provider_id, name, sealed_parameters, proof, version, created_at, changed_at
FROM profile WHERE id = $1 AND provider_id = $2";

/// The provider's profile of that id, where there is one.
#[tracing::instrument(name = "db.profile.find", level = "debug", skip_all)]
pub(crate) async fn profile_find(
    mut conn: Connection<'_>,
    vault: &Vault,
    provider: &ProviderId,
    id: &ProfileId,
) -> Result<Option<Profile>, StoreError> {
    let row: Option<ProfileRow> =
        on!(conn, conn => sqlx::query_as(FIND).bind(id.as_str()).bind(provider.as_str()).fetch_optional(conn).await?);
    row.map(|row| row.opened(vault)).transpose()
}

const NAMED: &str = "SELECT id FROM profile WHERE provider_id = $1 AND (id = $2 OR name_key = $3)";

/// The provider's profile that is meant by an id or a name (no name is spelled like an id).
#[tracing::instrument(name = "db.profile.named", level = "debug", skip_all)]
pub(crate) async fn profile_named(
    tx: &mut Tx,
    provider: &ProviderId,
    text: &str,
) -> Result<Option<ProfileId>, StoreError> {
    let text = looked_for(text);
    let id: Option<String> = on!(tx, conn => sqlx::query_scalar(NAMED)
        .bind(provider.as_str())
        .bind(text.trim())
        .bind(Name::key_of(&text))
        .fetch_optional(conn).await?);
    id.map(|id| Column { table: "profile", column: "id" }.parse(&id)).transpose()
}

const LIST: &str = "
SELECT id, provider_id, name, sealed_parameters, proof, version, created_at, changed_at
FROM profile WHERE provider_id = $1 AND id > $2
ORDER BY id LIMIT $3";

/// Part of the provider's profiles, in the order of their ids. A page of large profiles ends before its size.
#[tracing::instrument(name = "db.profile.list", level = "debug", skip_all)]
pub(crate) async fn profile_list(db: &Db, vault: &Vault, query: ProfileQuery) -> Result<Page<Profile>, StoreError> {
    let ProfileQuery { provider, after, size } = query;
    let mut after = looked_for(&after).into_owned();
    let mut page = Page { items: Vec::new(), more: false };
    let mut bytes = 0;
    loop {
        let rows: Vec<ProfileRow> = on!(db.read().await?, conn => sqlx::query_as(LIST)
            .bind(provider.as_str())
            .bind(&after)
            .bind(i64::try_from(CHUNK).unwrap_or(i64::MAX))
            .fetch_all(conn).await?);
        let is_last = rows.len() < CHUNK;
        for row in rows {
            if page.items.len() == size.get() || bytes >= PAGE_BYTES {
                return Ok(Page { more: true, ..page });
            }
            bytes += row.sealed_parameters.as_ref().map_or(0, Vec::len);
            after.clone_from(&row.id);
            page.items.push(row.opened(vault)?);
        }
        if is_last {
            return Ok(page);
        }
    }
}

const REPLACE: &str = "
UPDATE profile
SET name = $3,
    name_key = $4,
    parameters = '',
    sealed_parameters = $5,
    proof = $6,
    version = version + 1,
    changed_at = $7
WHERE id = $1 AND provider_id = $2 AND ($8 = 0 OR version = $8)
RETURNING id, provider_id, name, sealed_parameters, proof, version, created_at, changed_at";

/// Replaces what a profile says.
#[tracing::instrument(name = "db.profile.replace", level = "debug", skip_all)]
pub(crate) async fn profile_replace(tx: &mut Tx, vault: &Vault, new: &Replacement) -> Result<Profile, ProfileRefused> {
    let row: Result<Option<ProfileRow>, _> = on!(tx, conn => sqlx::query_as(REPLACE)
        .bind(new.id.as_str())
        .bind(new.provider.as_str())
        .bind(new.content.name.as_str())
        .bind(new.content.name.key())
        .bind(sealed(vault, &new.id, &new.content.parameters)?)
        .bind(new.content.proof.word())
        .bind(new.at.as_micros())
        .bind(i64::try_from(new.expected_version).unwrap_or(i64::MAX))
        .fetch_optional(conn).await);
    match row.map_err(name_taken)? {
        Some(row) => Ok(row.opened(vault)?),
        None => match profile_find(tx.connection(), vault, &new.provider, &new.id).await? {
            Some(_) => Err(ProfileRefused::Changed),
            None => Err(ProfileRefused::Unknown),
        },
    }
}

const DELETE: &str = "DELETE FROM profile WHERE id = $1 AND provider_id = $2";

const COUNT_PHONES: &str = "SELECT COUNT(*) FROM device WHERE provider_id = $1 AND profile_id = $2";

const COUNT_RANGES: &str = "SELECT COUNT(*) FROM address_range WHERE provider_id = $1 AND profile_id = $2";

/// Deletes a profile that no phone and no block goes to. The transaction keeps new ones away meanwhile, and
/// the foreign keys stand behind it.
#[tracing::instrument(name = "db.profile.delete", level = "debug", skip_all)]
pub(crate) async fn profile_delete(tx: &mut Tx, provider: &ProviderId, id: &ProfileId) -> Result<(), ProfileRefused> {
    if let Ok(phones @ 1..) = u64::try_from(counted(tx, COUNT_PHONES, (provider, id)).await?) {
        return Err(ProfileRefused::InUse(phones));
    }
    if counted(tx, COUNT_RANGES, (provider, id)).await? > 0 {
        return Err(ProfileRefused::InUseByRange);
    }
    let deleted = on!(tx, conn => sqlx::query(DELETE).bind(id.as_str()).bind(provider.as_str()).execute(conn).await.map(|done| done.rows_affected()));
    match deleted.map_err(StoreError::from)? {
        0 => Err(ProfileRefused::Unknown),
        _ => Ok(()),
    }
}

async fn counted(
    tx: &mut Tx,
    count: &'static str,
    (provider, id): (&ProviderId, &ProfileId),
) -> Result<i64, StoreError> {
    Ok(on!(tx, conn => sqlx::query_scalar(count).bind(provider.as_str()).bind(id.as_str()).fetch_one(conn).await?))
}

fn name_taken(error: sqlx::Error) -> ProfileRefused {
    let error = StoreError::from(error);
    // Ids have a hundred random bits: what exists already is the name.
    if matches!(error, StoreError::AlreadyExists) { ProfileRefused::NameTaken } else { error.into() }
}

fn sealed(vault: &Vault, id: &ProfileId, parameters: &Parameters) -> Result<Vec<u8>, StoreError> {
    let place = Place::Parameters(id);
    let text = serde_json::to_vec(parameters).map_err(|_| place.column().impossible())?;
    place.seal(vault, &text)
}

#[derive(FromRow)]
pub(super) struct ProfileRow {
    id: String,
    provider_id: String,
    name: String,
    sealed_parameters: Option<Vec<u8>>,
    proof: String,
    version: i64,
    created_at: i64,
    changed_at: i64,
}

impl ProfileRow {
    /// Parameters were checked when they were stored; the rules may have become stricter since.
    pub fn opened(self, vault: &Vault) -> Result<Profile, StoreError> {
        let column = |column| Column { table: "profile", column };
        let id: ProfileId = column("id").parse(&self.id)?;
        let place = Place::Parameters(&id);
        // None is left in the clear once the database is open (`sealing.rs`).
        let sealed = self.sealed_parameters.ok_or(place.column().impossible())?;
        let text = place.unseal(vault, &sealed)?;
        Ok(Profile {
            provider: column("provider_id").parse(&self.provider_id)?,
            content: ProfileContent {
                name: ProfileName::stored(self.name),
                parameters: serde_json::from_slice(text.expose()).map_err(|_| place.column().impossible())?,
                proof: Proof::from_word(&self.proof).ok_or(column("proof").impossible())?,
            },
            version: u64::try_from(self.version).map_err(|_| column("version").impossible())?,
            created_at: Timestamp::from_micros(self.created_at),
            changed_at: Timestamp::from_micros(self.changed_at),
            id,
        })
    }
}
