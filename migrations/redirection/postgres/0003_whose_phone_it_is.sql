-- Whose phone it is: how claims are proven, who has had which phone, who asks for whose, and what the operator holds.

-- Every owner a phone has had. A row is written when it begins and written once more when it ends; nothing else.
CREATE TABLE ownership (
    mac BIGINT NOT NULL CHECK (mac BETWEEN 1 AND 281474976710655),
    -- Counts a phone's owners from 1.
    number BIGINT NOT NULL CHECK (number >= 1),
    provider_id TEXT NOT NULL,
    began_by TEXT NOT NULL CHECK (began_by IN ('claimed', 'code', 'window', 'transfer', 'moved')),
    from_at BIGINT NOT NULL,
    ended_by TEXT CHECK (ended_by IN ('released', 'transferred', 'moved', 'unseen')),
    until_at BIGINT CHECK (until_at >= from_at),
    PRIMARY KEY (mac, number),
    CHECK ((ended_by IS NULL) = (until_at IS NULL))
);

-- One present owner for each phone.
CREATE UNIQUE INDEX ownership_present ON ownership (mac) WHERE ended_by IS NULL;

CREATE FUNCTION ownership_is_fixed() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'who has had a phone cannot be changed';
END
$$;
CREATE FUNCTION ownership_is_kept() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'who has had a phone cannot be forgotten';
END
$$;
CREATE TRIGGER ownership_is_ended_once BEFORE UPDATE ON ownership FOR EACH ROW
WHEN (
    OLD.ended_by IS NOT NULL OR NEW.ended_by IS NULL OR NEW.mac <> OLD.mac OR NEW.number <> OLD.number
    OR NEW.provider_id <> OLD.provider_id OR NEW.began_by <> OLD.began_by OR NEW.from_at <> OLD.from_at
)
EXECUTE FUNCTION ownership_is_fixed();
CREATE TRIGGER ownership_loses_no_row BEFORE DELETE ON ownership FOR EACH ROW EXECUTE FUNCTION ownership_is_kept();
CREATE TRIGGER ownership_is_not_emptied BEFORE TRUNCATE ON ownership
FOR EACH STATEMENT EXECUTE FUNCTION ownership_is_kept();

-- What is known of the phones there are.
INSERT INTO ownership (mac, number, provider_id, began_by, from_at)
SELECT mac, 1, provider_id, 'claimed', created_at FROM device;

-- Phones that the operator holds, whether somebody owns them or not.
CREATE TABLE hold (
    mac BIGINT NOT NULL PRIMARY KEY CHECK (mac BETWEEN 1 AND 281474976710655),
    since BIGINT NOT NULL
);

-- How claims must be proven; of several rules for an address the one with the most bits counts, without one nothing
-- is asked for.
CREATE TABLE claim_rule (
    -- 48 bits, those behind the first `bits` of them 0.
    prefix BIGINT NOT NULL CHECK (prefix BETWEEN 0 AND 281474976710655),
    bits BIGINT NOT NULL CHECK (bits BETWEEN 0 AND 48),
    proof TEXT NOT NULL CHECK (proof IN ('open', 'serial', 'manifest', 'certificate')),
    PRIMARY KEY (prefix, bits)
);

-- What manufacturers say they have shipped.
CREATE TABLE manifest (
    mac BIGINT NOT NULL PRIMARY KEY CHECK (mac BETWEEN 1 AND 281474976710655),
    serial TEXT,
    model TEXT,
    sold_to TEXT,
    imported_at BIGINT NOT NULL
);

-- Times in which phones of a block that show their certificate become a provider's. No two that are open share an
-- address (checked in the transaction that opens one).
CREATE TABLE claim_window (
    id TEXT NOT NULL PRIMARY KEY,
    provider_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    first BIGINT NOT NULL CHECK (first BETWEEN 0 AND 281474976710655),
    last BIGINT NOT NULL CHECK (last BETWEEN first AND 281474976710655),
    from_at BIGINT NOT NULL,
    -- Moved back to the moment when somebody closes it.
    until_at BIGINT NOT NULL CHECK (until_at >= from_at),
    -- Phones that have become the provider's through it.
    claimed BIGINT NOT NULL DEFAULT 0 CHECK (claimed >= 0)
);

CREATE INDEX claim_window_by_provider ON claim_window (provider_id, until_at);
CREATE INDEX claim_window_by_end ON claim_window (until_at);

-- Phones that one provider asks another for.
CREATE TABLE transfer (
    id TEXT NOT NULL PRIMARY KEY,
    mac BIGINT NOT NULL CHECK (mac BETWEEN 1 AND 281474976710655),
    claimant_id TEXT NOT NULL,
    -- Where the phone goes once it is the claimant's.
    profile_id TEXT NOT NULL,
    -- Whose the phone was when it was asked for.
    owner_id TEXT NOT NULL CHECK (owner_id <> claimant_id),
    -- That the operator must decide is told by `answer_by`, not by the state.
    state TEXT NOT NULL CHECK (state IN ('open', 'done', 'refused', 'cancelled', 'overtaken')),
    statement TEXT NOT NULL,
    serial TEXT,
    proof TEXT NOT NULL CHECK (proof IN ('manifest', 'serial', 'none')),
    requested_at BIGINT NOT NULL,
    answer_by BIGINT NOT NULL,
    decided_at BIGINT,
    decided_by TEXT NOT NULL CHECK (decided_by IN ('owner', 'operator', 'claimant', '')),
    reason TEXT NOT NULL,
    CHECK ((state = 'open') = (decided_at IS NULL))
);

-- A provider asks once for a phone until it has its answer.
CREATE UNIQUE INDEX transfer_open ON transfer (mac, claimant_id) WHERE state = 'open';
CREATE INDEX transfer_by_claimant ON transfer (claimant_id, id);
CREATE INDEX transfer_by_owner ON transfer (owner_id, id);
CREATE INDEX transfer_waiting ON transfer (answer_by) WHERE state = 'open';
