//! The data key of one database: made once, kept wrapped in the table `data_key`, and what seals with it.

use std::sync::Arc;

use storage::{Db, StoreError, Tx, on};
use vocabulary::{Clock, Randomness, Secret};

use crate::cipher::{Cipher, Key, cipher, key};
use crate::{MasterKey, VaultError};

/// The number of the one key a database has. Another one would come with another version of what it seals.
const ID: i64 = 1;

/// Seals and opens the secrets of one database. Clones share the same key.
#[derive(Debug, Clone)]
pub struct Vault {
    cipher: Arc<Cipher>,
    randomness: Arc<Randomness>,
}

impl Vault {
    /// The vault of `db`, whose data key `master` opens; makes the data key where there is none yet.
    pub async fn open(
        db: &Db,
        master: &MasterKey,
        clock: &Clock,
        randomness: Arc<Randomness>,
    ) -> Result<Self, VaultError> {
        let mut tx = db.write().await?;
        let data_key = match kept(&mut tx).await? {
            Some(row) => row.opened(master)?,
            None => made(&mut tx, master, clock, &randomness).await?,
        };
        tx.commit().await?;
        Ok(Self { cipher: Arc::new(cipher(&data_key, &context(ID))?), randomness })
    }

    /// `plain`, readable only with this vault and only at `place`: the table, the column and the row's id, as
    /// in `profile.parameters/prf_…`. 29 bytes longer than `plain`, which shows how long that is.
    ///
    /// Fails only for 64 GiB and more.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let sealed = self.cipher.seal(place, plain, &self.randomness);
        sealed.ok_or_else(|| VaultError::Unsealable { place: place.to_owned() })
    }

    /// What was sealed for `place`.
    pub fn unseal(&self, place: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, VaultError> {
        self.cipher.open(place, sealed).ok_or_else(|| VaultError::Unopenable { place: place.to_owned() })
    }
}

/// Wraps the data keys in `db` with `new` in place of `old`, all of them or none, and says how many. Those
/// that `new` wraps already are left alone, so that it may be done again after half of it failed.
///
/// What was sealed stays as it is, and a vault that is open stays usable.
pub async fn rewrap(db: &Db, old: &MasterKey, new: &MasterKey, randomness: &Randomness) -> Result<u64, VaultError> {
    const REWRAP: &str = "UPDATE data_key SET wrapped = $3, master_id = $4 WHERE id = $1 AND master_id = $2";

    let mut tx = db.write().await?;
    let mut rewrapped = 0;
    for row in keys(&mut tx).await?.into_iter().filter(|row| row.master_id != new.id()) {
        let data_key = row.opened(old)?;
        let wrapped = new.wrap(&context(row.id), data_key.expose(), randomness)?;
        let rows = on!(tx, conn => {
            let statement = sqlx::query(REWRAP).bind(row.id).bind(old.id()).bind(&wrapped).bind(new.id());
            statement.execute(conn).await?.rows_affected()
        });
        StoreError::expect_one(rows)?;
        rewrapped += 1;
    }
    tx.commit().await?;
    Ok(rewrapped)
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    wrapped: Vec<u8>,
    master_id: String,
}

impl Row {
    fn opened(&self, master: &MasterKey) -> Result<Key, VaultError> {
        master.must_be(&self.master_id, "the data key of this database")?;
        let context = context(self.id);
        let opened = master.unwrap(&context, &self.wrapped)?;
        key(opened.expose()).ok_or(VaultError::NoKey { whence: context })
    }
}

async fn keys(tx: &mut Tx) -> Result<Vec<Row>, StoreError> {
    const KEYS: &str = "SELECT id, wrapped, master_id FROM data_key ORDER BY id";

    Ok(on!(tx, conn => sqlx::query_as(KEYS).fetch_all(conn).await?))
}

async fn kept(tx: &mut Tx) -> Result<Option<Row>, StoreError> {
    Ok(keys(tx).await?.into_iter().find(|row| row.id == ID))
}

/// Two processes that start at once on an empty database make one key: who comes second waits for the first, and
/// takes its key.
async fn made(tx: &mut Tx, master: &MasterKey, clock: &Clock, randomness: &Randomness) -> Result<Key, VaultError> {
    const MAKE: &str = "
        INSERT INTO data_key (id, wrapped, master_id, created_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (id) DO NOTHING";

    let data_key = Secret::new(randomness.bytes::<32>());
    let wrapped = master.wrap(&context(ID), data_key.expose(), randomness)?;
    let now = clock.now().as_micros();
    let made = on!(tx, conn => {
        let statement = sqlx::query(MAKE).bind(ID).bind(&wrapped).bind(master.id()).bind(now);
        statement.execute(conn).await?.rows_affected()
    });
    if made == 1 {
        return Ok(data_key);
    }
    let row = kept(tx).await?.ok_or(StoreError::Changed)?;
    row.opened(master)
}

fn context(id: i64) -> String {
    format!("data_key.wrapped/{id}")
}
