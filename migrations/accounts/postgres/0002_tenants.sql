-- Who may speak, as the trade works: tenants in a tree, and the people and the programs that speak for them.
-- There is nothing to take over: no version that knew only the tables of before ran on PostgreSQL.

DROP TABLE client;
DROP TABLE provider;

CREATE TABLE tenant (
    id TEXT NOT NULL PRIMARY KEY,
    -- Whom it stands below; NULL for the root.
    parent_id TEXT REFERENCES tenant (id),
    kind TEXT NOT NULL CHECK (kind IN ('operator', 'reseller', 'provider', 'site')),
    -- How deep it stands; the root stands at 1.
    level BIGINT NOT NULL CHECK (level BETWEEN 1 AND 8),
    name TEXT NOT NULL,
    -- The name in lower case: two neighbours that differ only in case would be mistaken for one another.
    name_key TEXT NOT NULL,
    -- NULL while it is not frozen itself; it is stopped as well while somebody above is.
    frozen_at BIGINT CHECK (frozen_at IS NULL OR kind <> 'operator'),
    created_at BIGINT NOT NULL,
    CHECK ((kind = 'operator') = (parent_id IS NULL)),
    CHECK ((kind = 'operator') = (level = 1)),
    UNIQUE (parent_id, name_key)
);

CREATE UNIQUE INDEX tenant_has_one_root ON tenant (kind) WHERE kind = 'operator';

-- The tree only grows: who stands above whom is settled when a tenant is made.
CREATE FUNCTION tenant_stays_where_it_is() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a tenant keeps its place in the tree';
END
$$;
CREATE TRIGGER tenant_keeps_its_place BEFORE UPDATE OF id, parent_id, kind, level ON tenant
FOR EACH ROW EXECUTE FUNCTION tenant_stays_where_it_is();

INSERT INTO tenant (id, parent_id, kind, level, name, name_key, frozen_at, created_at)
VALUES (
    'prv_00000000000000000000', NULL, 'operator', 1, 'Operator', 'operator', NULL,
    floor(extract(EPOCH FROM now()))::BIGINT * 1000000
);

CREATE TABLE client (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('owner', 'engineer', 'read_only')),
    -- What it may do of what its role may, with spaces between; empty for all of it.
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- NULL for never.
    expires_at BIGINT,
    -- NULL until the first login; then true to the minute.
    last_used_at BIGINT,
    -- NULL while it is good. A revoked one never comes back.
    revoked_at BIGINT
);

CREATE INDEX client_by_tenant ON client (tenant_id, id);

CREATE TABLE client_secret (
    id TEXT NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES client (id),
    -- The first eight characters, 40 of its 200 bits: which of the client's hashes to try. NULL where that is not known,
    -- until it is used.
    selector TEXT,
    -- A PHC string: algorithm, parameters, salt and hash. The secret itself is stored nowhere.
    secret_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- NULL for never.
    expires_at BIGINT
);

CREATE INDEX client_secret_by_client ON client_secret (client_id);

CREATE TABLE person (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    email TEXT NOT NULL,
    -- In lower case; one login for each address in the whole service.
    email_key TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('owner', 'engineer', 'read_only')),
    -- A PHC string; NULL until the first invitation is accepted.
    password_hash TEXT,
    -- The secret of the second factor, sealed; and the one that is not confirmed yet.
    totp BYTEA,
    totp_pending BYTEA,
    -- The last step (of 30 s) whose code was used: no code is good twice.
    totp_step BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    -- NULL until the first login; then true to the minute.
    last_login_at BIGINT
);

CREATE INDEX person_by_tenant ON person (tenant_id, id);

-- Whoever has the text whose SHA-256 this is may choose the person's password, once. The last one made is the good one.
CREATE TABLE invitation (
    person_id TEXT NOT NULL PRIMARY KEY REFERENCES person (id) ON DELETE CASCADE,
    digest BYTEA NOT NULL UNIQUE CHECK (length(digest) = 32),
    expires_at BIGINT NOT NULL
);

-- The keys that sign tokens. The one with the latest moment that has come signs.
CREATE TABLE signing_key (
    kid TEXT NOT NULL PRIMARY KEY,
    -- The public part, as a JWK (RFC 8037).
    jwk TEXT NOT NULL,
    -- The private part, PKCS#8, sealed.
    sealed BYTEA NOT NULL,
    signs_from BIGINT NOT NULL UNIQUE
);

-- How many wrong logins somebody has left: the generic cell rate algorithm, one moment for each.
CREATE TABLE login_budget (
    -- pair:…, network:… or account:…
    key TEXT NOT NULL PRIMARY KEY,
    -- When the budget is whole again. A row whose moment has passed says no more than none.
    whole_at BIGINT NOT NULL
);

CREATE INDEX login_budget_by_moment ON login_budget (whole_at);

-- From where somebody has logged in lately: there, others' wrong tries elsewhere do not count.
CREATE TABLE known_network (
    -- cli_… or per_…
    subject TEXT NOT NULL,
    network TEXT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (subject, network)
);

CREATE INDEX known_network_by_moment ON known_network (last_at);

-- What was done, by whom: each row carries the hash of the row before it, so that none can be changed or taken out unseen.
CREATE TABLE act (
    number BIGINT NOT NULL PRIMARY KEY CHECK (number > 0),
    at BIGINT NOT NULL,
    concerns TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_tenant TEXT NOT NULL,
    source TEXT NOT NULL,
    request_id TEXT NOT NULL,
    verb TEXT NOT NULL,
    target TEXT NOT NULL,
    -- JSON, without secrets.
    detail TEXT NOT NULL,
    previous BYTEA NOT NULL CHECK (length(previous) = 32),
    hash BYTEA NOT NULL UNIQUE CHECK (length(hash) = 32)
);
CREATE INDEX act_by_tenant ON act (concerns, number);
CREATE FUNCTION act_is_append_only() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER act_keeps_its_rows BEFORE UPDATE ON act FOR EACH ROW EXECUTE FUNCTION act_is_append_only();
CREATE TRIGGER act_loses_no_row BEFORE DELETE ON act FOR EACH ROW EXECUTE FUNCTION act_is_append_only();
CREATE TRIGGER act_is_not_emptied BEFORE TRUNCATE ON act FOR EACH STATEMENT EXECUTE FUNCTION act_is_append_only();

-- The key that seals secrets in this database, itself wrapped with the installation's master key.
CREATE TABLE data_key (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id > 0),
    wrapped BYTEA NOT NULL,
    master_id TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
