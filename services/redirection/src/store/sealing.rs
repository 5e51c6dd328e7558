//! What is sealed in the tables, and the taking over of what stood there in the clear.

use storage::{Db, StoreError, Tx, on};
use vault::Vault;
use vocabulary::{MacAddress, ProfileId, Secret, Timestamp};

use super::Column;

/// How many profiles are read at once; each may have more than 64 KiB.
const CHUNK: i64 = 16;

/// A value that is sealed in its column. Its place is part of the seal, so that none can be put elsewhere.
#[derive(Debug)]
pub(super) enum Place<'a> {
    Parameters(&'a ProfileId),
    Key(MacAddress),
}

impl Place<'_> {
    pub fn seal(&self, vault: &Vault, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        vault.seal(&self.name(), plain).map_err(|error| self.impossible(&error))
    }

    pub fn unseal(&self, vault: &Vault, sealed: &[u8]) -> Result<Secret<Vec<u8>>, StoreError> {
        vault.unseal(&self.name(), sealed).map_err(|error| self.impossible(&error))
    }

    pub const fn column(&self) -> Column {
        match self {
            Self::Parameters(_) => Column { table: "profile", column: "sealed_parameters" },
            Self::Key(_) => Column { table: "device", column: "seal_key" },
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Parameters(id) => format!("profile.parameters/{id}"),
            Self::Key(mac) => format!("device.seal_key/{mac}"),
        }
    }

    fn impossible(&self, error: &vault::VaultError) -> StoreError {
        tracing::error!(%error, "a sealed value cannot be used");
        self.column().impossible()
    }
}

const IS_FINISHED: &str = "SELECT COUNT(*) FROM sealing";

const FINISH: &str = "INSERT INTO sealing (id, finished_at) VALUES (1, $1) ON CONFLICT (id) DO NOTHING";

/// Seals the profiles that an earlier program wrote in the clear, and writes the database anew, so that nothing
/// of them is left in its files. A crash at any point is made good by the next start: it is finished only when
/// the whole is.
#[tracing::instrument(name = "db.sealing.take_over", level = "debug", skip_all)]
pub(crate) async fn take_over(db: &Db, vault: &Vault, at: Timestamp) -> Result<(), StoreError> {
    let finished: i64 = on!(db.read().await?, conn => sqlx::query_scalar(IS_FINISHED).fetch_one(conn).await?);
    if finished > 0 {
        return Ok(());
    }
    let mut tx = super::change_log::begin(db).await?;
    let sealed = seal_profiles(&mut tx, vault).await?;
    tx.commit().await?;
    db.rewrite().await?;
    let mut tx = super::change_log::begin(db).await?;
    on!(tx, conn => { sqlx::query(FINISH).bind(at.as_micros()).execute(conn).await?; });
    tx.commit().await?;
    if sealed > 0 {
        tracing::info!(profiles = sealed, "profiles that stood in the clear are sealed");
    }
    Ok(())
}

const CLEAR: &str = "SELECT id, parameters FROM profile WHERE sealed_parameters IS NULL ORDER BY id LIMIT $1";

const SEAL: &str = "
UPDATE profile SET sealed_parameters = $2, parameters = ''
WHERE id = $1 AND sealed_parameters IS NULL";

async fn seal_profiles(tx: &mut Tx, vault: &Vault) -> Result<u64, StoreError> {
    let mut sealed = 0;
    loop {
        let rows: Vec<(String, String)> = on!(tx, conn => sqlx::query_as(CLEAR).bind(CHUNK).fetch_all(conn).await?);
        if rows.is_empty() {
            return Ok(sealed);
        }
        for (id, parameters) in rows {
            let id: ProfileId = Column { table: "profile", column: "id" }.parse(&id)?;
            let under_key = Place::Parameters(&id).seal(vault, parameters.as_bytes())?;
            let done = on!(tx, conn => sqlx::query(SEAL).bind(id.as_str()).bind(under_key).execute(conn).await?.rows_affected());
            StoreError::expect_one(done)?;
            sealed += 1;
        }
    }
}
