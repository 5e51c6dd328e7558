//! A provider at the JSON API: what must be there before anything is measured is made here.

use anyhow::{Context, Result, ensure};
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Request, StatusCode};
use serde_json::{Value, json};

use crate::client::{Answer, Connection, Target};
use crate::dialtone::Dialtone;

/// A provider that is logged in and has one profile, "main".
pub struct Provider {
    pub id: String,
    api: Target,
    pub token: String,
    /// The id of its profile.
    pub profile: String,
}

impl Provider {
    /// Makes one whose phones need not prove anything.
    pub async fn of(dialtone: &Dialtone) -> Result<Self> {
        Self::named(dialtone, "acme", "mac").await
    }

    /// Makes one of that name, whose phones must prove who they are with `proof`.
    pub async fn named(dialtone: &Dialtone, name: &str, proof: &str) -> Result<Self> {
        let operator = Self::operator(dialtone).await?;
        let made = operator.make("/v1/tenants", &json!({"name": name, "with_client": true})).await?;
        let client = |name: &str| text(&made, &format!("/client/{name}"));
        let token = log_in(&operator.api, &client("client_id")?, &client("client_secret")?).await?;
        let mut provider = Self { id: text(&made, "/tenant/id")?, token, ..operator };
        let rule = "https://nps.example/phones/$MA.xml";
        let profile = json!({"name": "main", "profile_rule": rule, "proof": proof});
        provider.profile = text(&provider.make("/v1/profiles", &profile).await?, "/id")?;
        Ok(provider)
    }

    /// Whoever runs the service, who has neither an id nor a profile.
    async fn operator(dialtone: &Dialtone) -> Result<Self> {
        let (id, secret) = dialtone.operator()?;
        let api = dialtone.http.clone();
        let token = log_in(&api, &id, &secret).await?;
        Ok(Self { id: String::new(), api, token, profile: String::new() })
    }

    /// Has the operator freeze it.
    pub async fn freeze(&self, dialtone: &Dialtone) -> Result<()> {
        let request = Request::put(format!("/v1/tenants/{}/frozen", self.id)).header(CONTENT_TYPE, "application/json");
        let answer = Self::operator(dialtone).await?.send(request, json!({"frozen": true}).to_string()).await?;
        ensure!(answer.status == StatusCode::OK, "cannot freeze: {}", String::from_utf8_lossy(&answer.body));
        Ok(())
    }

    /// POSTs to the API and gives what was made.
    pub async fn make(&self, path: &str, body: &Value) -> Result<Value> {
        let request = Request::post(path).header(CONTENT_TYPE, "application/json");
        let answer = self.send(request, body.to_string()).await?;
        ensure!(answer.status == StatusCode::CREATED, "{path}: {}", String::from_utf8_lossy(&answer.body));
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// GETs from the API.
    pub async fn read(&self, path: &str) -> Result<Value> {
        let answer = self.send(Request::get(path), String::new()).await?;
        ensure!(answer.status == StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&answer.body));
        Ok(serde_json::from_slice(&answer.body)?)
    }

    async fn send(&self, request: hyper::http::request::Builder, body: String) -> Result<Answer> {
        let request = request.header(AUTHORIZATION, format!("Bearer {}", self.token));
        // Calls are minutes apart; a connection would not wait so long.
        Connection::open(&self.api).await?.send(request.body(Full::from(body))?).await
    }
}

async fn log_in(api: &Target, id: &str, secret: &str) -> Result<String> {
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let request =
        Request::post("/v1/token").header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(Full::from(form))?;
    let answer = Connection::open(api).await?.send(request).await?;
    ensure!(answer.status == StatusCode::OK, "cannot log in: {}", answer.status);
    text(&serde_json::from_slice(&answer.body)?, "/access_token")
}

/// The text at that place of a document.
pub fn text(value: &Value, pointer: &str) -> Result<String> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    Ok(text.with_context(|| format!("{pointer} is missing"))?.to_owned())
}
