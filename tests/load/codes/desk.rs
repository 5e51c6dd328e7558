//! A provider that makes codes.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::dialtone::Dialtone;
use crate::provider::{Provider, text};

/// How many personal codes can be made in one call.
pub const MOST: u32 = 10_000;

pub struct Desk(Provider);

/// A code that was made.
pub struct Code {
    id: String,
    pub digits: String,
}

impl Desk {
    pub async fn of(dialtone: &Dialtone) -> Result<Self> {
        Ok(Self(Provider::of(dialtone).await?))
    }

    /// Makes a directory code whose time is over.
    pub async fn too_late(&self, digits: &str) -> Result<Code> {
        let limits = json!({"until": "2001-01-01T00:00:00Z"});
        let body = json!({"kind": "directory", "digits": digits, "profile": self.0.profile, "limits": limits});
        Code::from(&self.0.make("/v1/codes", &body).await?)
    }

    /// Makes personal codes that live so long.
    pub async fn personal(&self, count: u32, lifetime_seconds: u32) -> Result<Vec<Code>> {
        let body = json!({
            "kind": "personal", "profile": self.0.profile, "count": count, "lifetime_seconds": lifetime_seconds,
        });
        let made = self.0.make("/v1/codes", &body).await?;
        made.get("codes").and_then(Value::as_array).context("codes are missing")?.iter().map(Code::from).collect()
    }

    /// What came of the newest attempt at a code.
    pub async fn outcome(&self, code: &Code) -> Result<String> {
        text(&self.0.read(&format!("/v1/codes/{}/attempts?limit=1", code.id)).await?, "/attempts/0/outcome")
    }
}

impl Code {
    fn from(value: &Value) -> Result<Self> {
        Ok(Self { id: text(value, "/id")?, digits: text(value, "/digits")? })
    }
}
