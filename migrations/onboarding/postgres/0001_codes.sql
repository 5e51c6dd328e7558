-- Activation codes, who used them, and how often somebody may guess.
-- Times are microseconds since 1970-01-01T00:00:00Z; a MAC address is its 48 bits as a number.

CREATE TABLE code (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('directory', 'personal')),
    -- That a code has expired is told by `ends_at`, not by its state.
    state TEXT NOT NULL CHECK (state IN ('queued', 'open', 'refused', 'redeemed', 'revoked')),
    provider_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    length BIGINT NOT NULL CHECK (length BETWEEN 3 AND 16),
    -- Directory codes are names.
    digits TEXT CHECK (length(digits) = length),
    -- Personal codes are secrets: HMAC-SHA256 under a key that is not in this database.
    digest BYTEA UNIQUE CHECK (length(digest) = 32),
    -- The limits; NULL and [] limit nothing.
    starts_at BIGINT,
    ends_at BIGINT,
    activation_limit BIGINT CHECK (activation_limit > 0),
    models TEXT NOT NULL,
    networks TEXT NOT NULL,
    -- 1 where only the provider's registered phones may use it.
    registered_only BIGINT NOT NULL CHECK (registered_only IN (0, 1)),
    -- How many phones stand in `expected_phone`; 0 where any may use it.
    expected_phones BIGINT NOT NULL,
    -- How much of a guesser's luck it is: 1 for a code that anybody may use, less for a limited one.
    weight DOUBLE PRECISION NOT NULL CHECK (weight BETWEEN 0 AND 1),
    -- Different phones that have redeemed it.
    activations BIGINT NOT NULL CHECK (activations >= 0),
    redeemed_by BIGINT,
    redeemed_at BIGINT,
    -- Why an operator refused it.
    refusal TEXT,
    -- Nobody may have a withdrawn code's digits before this.
    rests_until BIGINT,
    note TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CHECK ((kind = 'directory') = (digits IS NOT NULL) AND (kind = 'personal') = (digest IS NOT NULL)),
    CHECK (kind = 'directory' OR (ends_at IS NOT NULL AND length = 16)),
    CHECK ((state = 'redeemed') = (redeemed_by IS NOT NULL) AND (redeemed_by IS NULL) = (redeemed_at IS NULL)),
    CHECK ((state = 'refused') = (refusal IS NOT NULL))
);

-- No two live directory codes have the same digits, whoever asks for them at the same time.
CREATE UNIQUE INDEX code_live_digits ON code (digits) WHERE state IN ('queued', 'open');
CREATE INDEX code_by_digits ON code (digits, created_at) WHERE kind = 'directory';
CREATE INDEX code_by_provider ON code (provider_id, id);
-- What a guesser may hit.
CREATE INDEX code_open ON code (length, ends_at, weight) WHERE state = 'open';

-- The phones that a code is for, where its provider expects certain ones.
CREATE TABLE expected_phone (
    code_id TEXT NOT NULL REFERENCES code (id),
    mac BIGINT NOT NULL,
    PRIMARY KEY (code_id, mac)
);

-- Which phones have redeemed a directory code.
CREATE TABLE activation (
    code_id TEXT NOT NULL REFERENCES code (id),
    mac BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (code_id, mac)
);

-- Who tried a code, and what came of it. A wrong guess at nothing has empty ids and is kept for a day, so that
-- it costs as much as one at a code.
CREATE TABLE attempt (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code_id TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    mac BIGINT NOT NULL,
    model TEXT NOT NULL,
    source TEXT NOT NULL,
    -- The network of `source`, as budgets know it.
    network TEXT NOT NULL,
    at BIGINT NOT NULL,
    outcome TEXT NOT NULL
);

CREATE INDEX attempt_by_provider ON attempt (provider_id, number);
CREATE INDEX attempt_by_code ON attempt (code_id, outcome, at);

-- How many wrong guesses somebody has left: the generic cell rate algorithm, one moment for each.
CREATE TABLE budget (
    -- phone:…, network:… or length:…
    key TEXT NOT NULL PRIMARY KEY,
    -- When the budget is whole again. A row whose moment has passed says no more than none.
    whole_at BIGINT NOT NULL
);

CREATE INDEX budget_by_moment ON budget (whole_at);
