//! Makes tokens that must not be believed, out of one that is.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

use crate::support::{Login, Server, Settings};

/// RFC 8410, section 10.3: a key that the whole world knows.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                   -----END PRIVATE KEY-----\n";

/// Has a good token, and can sign as the server does, which took over a key that we know.
pub struct Forger {
    good: [String; 3],
    key: EncodingKey,
    /// The public half, as anybody can fetch it.
    public: String,
}

impl Forger {
    /// A server that signs with a key of which the forger has a copy.
    pub fn server() -> Server {
        Self::server_with(Settings::default())
    }

    /// The same, set up otherwise.
    pub fn server_with(settings: Settings) -> Server {
        Server::prepared(settings, |data| {
            let keys = data.join("keys");
            std::fs::create_dir_all(&keys).expect("a folder");
            let file = keys.join("token.pem");
            std::fs::write(&file, KEY).expect("a file");
            std::fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("its mode");
        })
    }

    /// The key in base64, and its 32 bytes.
    pub fn key() -> [Vec<u8>; 2] {
        let base64: String = KEY.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(&base64).expect("base64");
        [base64.into_bytes(), der[der.len() - 32..].to_owned()]
    }

    /// Takes `login`'s token as its model.
    pub fn new(server: &Server, login: &Login) -> Self {
        let mut parts = login.token.split('.').map(str::to_owned);
        let good = [(); 3].map(|()| parts.next().expect("three parts"));
        let base64: String = KEY.lines().filter(|line| !line.starts_with('-')).collect();
        let key = EncodingKey::from_ed_der(&STANDARD.decode(base64).expect("base64"));
        let jwks = server.ask("/.well-known/jwks.json").send().expect(200).json();
        let public = jwks["keys"][0]["x"].as_str().expect("the public key").to_owned();
        Self { good, key, public }
    }

    pub fn header(&self) -> Value {
        opened(&self.good[0])
    }

    pub fn claims(&self) -> Value {
        opened(&self.good[1])
    }

    /// The good token, its signature altered in one bit.
    pub fn altered_signature(&self) -> String {
        let [header, claims, signature] = &self.good;
        let mut signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
        signature[7] ^= 1;
        format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Other claims under the good token's signature.
    pub fn altered_claims(&self, claims: &Value) -> String {
        format!("{}.{}.{}", self.good[0], closed(claims), self.good[2])
    }

    /// Not signed at all (RFC 7519, section 6).
    pub fn unsigned(&self, algorithm: &str) -> String {
        format!("{}.{}.", closed(&with(self.header(), "alg", &json!(algorithm))), self.good[1])
    }

    /// Signed with the public key, as if it were a shared secret; in each form that a careless server
    /// might have it in.
    pub fn signed_with_the_public_key(&self) -> [String; 3] {
        let message = format!("{}.{}", closed(&with(self.header(), "alg", &json!("HS256"))), self.good[1]);
        let raw = URL_SAFE_NO_PAD.decode(&self.public).expect("base64");
        // RFC 8410, section 4: what stands before the 32 bytes of a key.
        let der = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..], &raw].concat();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der));
        [raw, pem.into_bytes(), self.public.clone().into_bytes()].map(|secret| {
            let signed = crypto::sign(message.as_bytes(), &EncodingKey::from_secret(&secret), Algorithm::HS256);
            format!("{message}.{}", signed.expect("a signature"))
        })
    }

    /// With the server's own signature.
    pub fn signed(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", closed(header), closed(claims));
        let signed = crypto::sign(message.as_bytes(), &self.key, Algorithm::EdDSA).expect("a signature");
        format!("{message}.{signed}")
    }

    /// With the server's own signature, for what phones report.
    pub fn for_another_use(&self) -> String {
        self.signed(&self.header(), &with(self.claims(), "aud", &json!("dialtone-report")))
    }

    /// Good until a second ago, when the server was not even running.
    pub fn expired(&self) -> String {
        let issued = self.claims()["iat"].as_i64().expect("a time");
        self.signed(&self.header(), &with(self.claims(), "exp", &json!(issued - 1)))
    }
}

/// `object` with another value, or without one where it is null.
pub fn with(mut object: Value, name: &str, value: &Value) -> Value {
    let members = object.as_object_mut().expect("an object");
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value.clone());
    }
    object
}

fn opened(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
}

fn closed(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}
