-- What a phone must prove to be given a profile; secrets sealed at rest; blocks of addresses; what was done, by whom.

-- Profiles made before keep asking for nothing but the address, also those that carry a secret: asking their phones for
-- a serial number that nobody has registered would stop them. Their next replacement is refused without a better proof.
ALTER TABLE profile ADD COLUMN proof TEXT NOT NULL DEFAULT 'mac'
    CHECK (proof IN ('mac', 'serial', 'certificate', 'sealed'));
-- The parameters under the data key, as JSON: [{"name", "value", "user_access"}]. NULL only until the program has taken
-- over a row of before; then `parameters` is empty for ever.
ALTER TABLE profile ADD COLUMN sealed_parameters BYTEA;

-- How the phone's answers are sealed, and the key for it, itself under the data key. Both or neither.
ALTER TABLE device ADD COLUMN seal_format TEXT CHECK (seal_format IN ('aes128gcm', 'aes256cbc'));
ALTER TABLE device ADD COLUMN seal_key BYTEA CHECK ((seal_key IS NULL) = (seal_format IS NULL));

-- The few phones that have one.
CREATE INDEX device_with_key ON device (mac) WHERE seal_format IS NOT NULL;

-- A key is a secret between the phone and the provider that registered it: it does not go to the next one.
CREATE FUNCTION device_key_is_left_behind() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    NEW.seal_format := NULL;
    NEW.seal_key := NULL;
    RETURN NEW;
END
$$;
CREATE TRIGGER device_key_stays_with_its_provider BEFORE UPDATE OF provider_id ON device FOR EACH ROW
WHEN (OLD.provider_id <> NEW.provider_id AND NEW.seal_format IS NOT NULL)
EXECUTE FUNCTION device_key_is_left_behind();

-- When everything that stood here in the clear had been sealed. One row, or none.
CREATE TABLE sealing (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    finished_at BIGINT NOT NULL
);

-- What a provider's phones must prove beyond what its profiles say. No row: expired certificates are accepted, and
-- phones stay for ever.
CREATE TABLE provider_policy (
    provider_id TEXT NOT NULL PRIMARY KEY,
    expired_certificates TEXT NOT NULL CHECK (expired_certificates IN ('accept', 'refuse')),
    -- 0 for never.
    release_unseen_days BIGINT NOT NULL CHECK (release_unseen_days BETWEEN 0 AND 3650)
);

-- Blocks of addresses whose phones are a provider's without being registered one by one. Of two blocks that share an
-- address one lies within the other, and both are the same provider's (checked in the transaction that adds one).
CREATE TABLE address_range (
    id TEXT NOT NULL PRIMARY KEY,
    provider_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    first BIGINT NOT NULL CHECK (first BETWEEN 0 AND 281474976710655),
    last BIGINT NOT NULL CHECK (last BETWEEN first AND 281474976710655),
    created_at BIGINT NOT NULL,
    UNIQUE (first, last),
    FOREIGN KEY (provider_id, profile_id) REFERENCES profile (provider_id, id)
);

CREATE INDEX address_range_by_profile ON address_range (provider_id, profile_id);

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
