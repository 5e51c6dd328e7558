-- Who may speak: providers, and the clients that they and the operators log in with.
-- Times are microseconds since 1970-01-01T00:00:00Z.

CREATE TABLE provider (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    -- The name in lower case: two providers that differ only in case would be mistaken for one another.
    name_key TEXT NOT NULL UNIQUE,
    -- NULL while the provider may log in.
    frozen_at BIGINT,
    created_at BIGINT NOT NULL,
    -- Counts the changes of the row.
    version BIGINT NOT NULL
);

CREATE TABLE client (
    id TEXT NOT NULL PRIMARY KEY,
    provider_id TEXT REFERENCES provider (id),
    role TEXT NOT NULL CHECK (role IN ('operator', 'provider')),
    name TEXT NOT NULL,
    -- A PHC string: algorithm, parameters, salt and hash. The secret itself is stored nowhere.
    secret_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- NULL until the first login; then true to the minute.
    last_used_at BIGINT,
    -- An operator belongs to no provider, and everybody else to one.
    CHECK ((role = 'operator') = (provider_id IS NULL))
);

CREATE INDEX client_by_provider ON client (provider_id);
