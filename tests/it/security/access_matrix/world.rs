//! A server with somebody of each kind, and of everything that the owner can have one for each caller.

use serde_json::{Value, json};

use super::caller::{CALLERS, Caller};
use crate::security::forger::Forger;
use crate::support::{Curl, Login, Person, Provider, Server, from_now};

const RULE: &str = "https://nps.example/$MA.xml";
pub const PASSWORD: &str = "a password of twenty";
/// What the owner has, one for each caller: `made["profiles"][caller.number()]`.
const THINGS: [&str; 9] =
    ["profiles", "codes", "clients", "rotated", "people", "invitations", "ranges", "windows", "transfers"];

/// What there is before anybody asks.
pub struct World {
    pub server: Server,
    operator: Login,
    reseller: Provider,
    pub owner: Provider,
    pub person: Person,
    stranger: Provider,
    /// Wants phones of the owner's.
    claimant: Provider,
    frozen: Provider,
    narrowed: Login,
    read_only: Login,
    engineer: Login,
    /// Stands below the owner, and can be given phones.
    pub site: Provider,
    /// Goes to the activation codes.
    pub coded: String,
    made: Vec<Vec<String>>,
}

impl World {
    pub fn new() -> Self {
        let server = Forger::server();
        let operator = server.operator();
        let reseller = Provider::below(&server, &operator, ("reseller", "reseller"));
        let owner = Provider::below(&server, &reseller.login, ("provider", "owner"));
        let site = Provider::below(&server, &owner.login, ("site", "site"));
        let [stranger, claimant, frozen] =
            ["stranger", "claimant", "frozen"].map(|name| Provider::made_by(&server, &operator, name));
        for tenant in [&owner, &site, &stranger, &claimant] {
            tenant.profile(&server, "main", RULE);
        }
        let coded = owner.profile(&server, "coded", RULE);
        let [narrowed, read_only, engineer] =
            [("owner", json!(["devices:read"])), ("read_only", json!([])), ("engineer", json!([]))].map(
                |(role, scopes)| owner.login.client(&server, &json!({ "name": role, "role": role, "scopes": scopes })),
            );
        let person = Person::invited(&server, &owner.login, ("owner@example.org", "owner"), PASSWORD);
        operator.freeze(&server, &frozen.id, true).expect(200);
        let made = Vec::new();
        let mut world = Self {
            server,
            operator,
            reseller,
            owner,
            person,
            stranger,
            claimant,
            frozen,
            narrowed,
            read_only,
            engineer,
            site,
            coded,
            made,
        };
        world.made = THINGS.map(|thing| world.make(thing)).into();
        world.register(&world.owner, mac_of);
        world.register(&world.owner, moved_mac_of);
        world.register(&world.stranger, wanted_mac_of);
        world
    }

    /// The id of the thing of that kind which was made for `caller`.
    pub fn id(&self, thing: &str, caller: Caller) -> &str {
        let at = THINGS.iter().position(|it| *it == thing).expect("a thing");
        &self.made[at][caller.number()]
    }

    /// A phone of `tenant`'s for each caller.
    fn register(&self, tenant: &Provider, mac: fn(Caller) -> String) {
        let body = json!({ "profile": "main" }).to_string();
        let request =
            |caller| tenant.ask(&self.server, &format!("/v1/devices/{}", mac(caller))).method("PUT").json(&body);
        sent(CALLERS.map(request).into());
    }

    /// One of that kind for each caller; their ids.
    fn make(&self, thing: &str) -> Vec<String> {
        let owner = |path: &str, body: &Value| self.owner.ask(&self.server, path).json(&body.to_string());
        let for_it = |path: &str, body: &Value| {
            self.operator.ask_for(&self.server, &self.owner.id, path).json(&body.to_string())
        };
        let request = |caller: Caller| {
            let number = caller.number();
            let name = format!("spare {number}");
            match thing {
                "profiles" => owner("/v1/profiles", &json!({ "name": name, "profile_rule": RULE })),
                "codes" => {
                    let (digits, limits) = (format!("432{number:02}"), json!({ "registered_only": true }));
                    let code =
                        json!({ "kind": "directory", "digits": digits, "profile": self.coded, "limits": limits });
                    owner("/v1/codes", &code)
                }
                "clients" | "rotated" => owner("/v1/clients", &json!({ "name": name, "role": "read_only" })),
                "people" | "invitations" => {
                    let email = format!("{thing}{number}@example.org");
                    owner("/v1/people", &json!({ "email": email, "role": "read_only" }))
                }
                "ranges" => {
                    for_it("/v1/ranges", &json!({ "prefix": format!("0004f2aa{number:02x}/40"), "profile": "main" }))
                }
                "windows" => owner("/v1/windows", &window_of(0xbb, caller)),
                "transfers" => {
                    // The owner is asked for a phone of its own, and decides.
                    let mac = format!("00562b0a00{number:02x}");
                    self.owner.register(&self.server, &mac, "main", &json!({})).expect(201);
                    self.claimant.ask(&self.server, "/v1/transfers").json(&transfer_of(&mac).to_string())
                }
                _ => panic!("nothing is called {thing}"),
            }
        };
        let answers = sent(CALLERS.map(request).into());
        let place = match thing {
            "clients" | "rotated" => "/client/id",
            "people" => "/person/id",
            "invitations" => "/invitation",
            _ => "/id",
        };
        let id = |answer: &Value| answer.pointer(place).and_then(Value::as_str).expect("an id").to_owned();
        answers.iter().map(id).collect()
    }

    /// Everybody with a token, in the order of [`CALLERS`].
    pub fn callers(&self) -> Vec<(Caller, Option<String>)> {
        let forger = Forger::new(&self.server, &self.owner.login);
        let token = |caller| match caller {
            Caller::Nobody => None,
            Caller::Forged => Some(forger.altered_signature()),
            Caller::None => Some(forger.unsigned("none")),
            Caller::Hs256 => Some(forger.signed_with_the_public_key()[0].clone()),
            Caller::Expired => Some(forger.expired()),
            Caller::WrongAudience => Some(forger.for_another_use()),
            Caller::Stranger => Some(self.stranger.login.token.clone()),
            Caller::Frozen => Some(self.frozen.login.token.clone()),
            Caller::Narrowed => Some(self.narrowed.token.clone()),
            Caller::ReadOnly => Some(self.read_only.token.clone()),
            Caller::Engineer => Some(self.engineer.token.clone()),
            Caller::Reseller => Some(self.reseller.login.token.clone()),
            Caller::Operator | Caller::OperatorForIt => Some(self.operator.token.clone()),
            Caller::Owner => Some(self.person.token(&self.server)),
        };
        CALLERS.map(|caller| (caller, token(caller))).into()
    }
}

/// The answers, all of which say that something was made.
fn sent(requests: Vec<Curl>) -> Vec<Value> {
    let answers = Curl::send_all(requests);
    answers
        .iter()
        .map(|answer| {
            assert_eq!(answer.status, 201, "{answer:?}");
            answer.json()
        })
        .collect()
}

/// A phone of the owner's.
pub fn mac_of(caller: Caller) -> String {
    format!("00562b0436{:02x}", caller.number())
}

/// A phone of the owner's that is handed over.
pub fn moved_mac_of(caller: Caller) -> String {
    format!("00562b0b00{:02x}", caller.number())
}

/// A phone of the stranger's that others want.
pub fn wanted_mac_of(caller: Caller) -> String {
    format!("00562b0c00{:02x}", caller.number())
}

/// A window, elsewhere for each place and caller.
pub fn window_of(place: u8, caller: Caller) -> Value {
    let prefix = format!("0004f2{place:02x}{:02x}/40", caller.number());
    json!({ "prefix": prefix, "profile": "main", "until": from_now("+1 day") })
}

/// Somebody asks for a phone.
pub fn transfer_of(mac: &str) -> Value {
    json!({ "mac": mac, "profile": "main", "statement": "bought second-hand" })
}
