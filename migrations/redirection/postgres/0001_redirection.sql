-- Which phone belongs to which provider, and where it is sent.
-- Times are microseconds since 1970-01-01T00:00:00Z; a MAC address is its 48 bits as a number.

CREATE TABLE profile (
    id TEXT NOT NULL PRIMARY KEY,
    provider_id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- The name in the spelling in which names are compared.
    name_key TEXT NOT NULL,
    -- What the phone is given, in order: [{"name", "value", "user_access"}]. Rules may carry secrets.
    parameters TEXT NOT NULL,
    -- Counts replacements.
    version BIGINT NOT NULL CHECK (version >= 1),
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE (provider_id, name_key),
    UNIQUE (provider_id, id)
);

CREATE TABLE device (
    -- One owner for each phone, whoever claims it at the same time.
    mac BIGINT NOT NULL PRIMARY KEY CHECK (mac BETWEEN 1 AND 281474976710655),
    provider_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    serial TEXT,
    model TEXT,
    note TEXT NOT NULL,
    -- The MAC's twelve hex digits, then serial, model and note, each on its line, in lower case.
    -- (Notes are in every language, and the program knows the lower case of them all.)
    search_text TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    -- A phone can only go to a profile of its own provider, and such a profile cannot disappear.
    FOREIGN KEY (provider_id, profile_id) REFERENCES profile (provider_id, id)
);

-- A provider's phones in the order of their addresses.
CREATE INDEX device_by_provider ON device (provider_id, mac);
-- The phones of a profile.
CREATE INDEX device_by_profile ON device (provider_id, profile_id);

-- Providers whose phones are not redirected, and who cannot change anything.
CREATE TABLE frozen_provider (
    provider_id TEXT NOT NULL PRIMARY KEY,
    since BIGINT NOT NULL
);
