-- Whose phone it is: how claims are proven, who has had which phone, who asks for whose, and what the operator holds.

-- Every owner a phone has had. A row is written when it begins and written once more when it ends; nothing else.
CREATE TABLE ownership (
    mac INTEGER NOT NULL CHECK (mac BETWEEN 1 AND 281474976710655),
    -- Counts a phone's owners from 1.
    number INTEGER NOT NULL CHECK (number >= 1),
    provider_id TEXT NOT NULL,
    began_by TEXT NOT NULL CHECK (began_by IN ('claimed', 'code', 'window', 'transfer', 'moved')),
    from_at INTEGER NOT NULL,
    ended_by TEXT CHECK (ended_by IN ('released', 'transferred', 'moved', 'unseen')),
    until_at INTEGER CHECK (until_at >= from_at),
    PRIMARY KEY (mac, number),
    CHECK ((ended_by IS NULL) = (until_at IS NULL))
) STRICT, WITHOUT ROWID;

-- One present owner for each phone.
CREATE UNIQUE INDEX ownership_present ON ownership (mac) WHERE ended_by IS NULL;

CREATE TRIGGER ownership_is_ended_once BEFORE UPDATE ON ownership
WHEN OLD.ended_by IS NOT NULL OR NEW.ended_by IS NULL OR NEW.mac <> OLD.mac OR NEW.number <> OLD.number
    OR NEW.provider_id <> OLD.provider_id OR NEW.began_by <> OLD.began_by OR NEW.from_at <> OLD.from_at
BEGIN
    SELECT RAISE(ABORT, 'who has had a phone cannot be changed');
END;
CREATE TRIGGER ownership_loses_no_row BEFORE DELETE ON ownership
BEGIN
    SELECT RAISE(ABORT, 'who has had a phone cannot be forgotten');
END;

-- What is known of the phones there are.
INSERT INTO ownership (mac, number, provider_id, began_by, from_at)
SELECT mac, 1, provider_id, 'claimed', created_at FROM device;

-- Phones that the operator holds, whether somebody owns them or not.
CREATE TABLE hold (
    mac INTEGER NOT NULL PRIMARY KEY CHECK (mac BETWEEN 1 AND 281474976710655),
    since INTEGER NOT NULL
) STRICT;

-- How claims must be proven; of several rules for an address the one with the most bits counts, without one nothing
-- is asked for.
CREATE TABLE claim_rule (
    -- 48 bits, those behind the first `bits` of them 0.
    prefix INTEGER NOT NULL CHECK (prefix BETWEEN 0 AND 281474976710655),
    bits INTEGER NOT NULL CHECK (bits BETWEEN 0 AND 48),
    proof TEXT NOT NULL CHECK (proof IN ('open', 'serial', 'manifest', 'certificate')),
    PRIMARY KEY (prefix, bits)
) STRICT;

-- What manufacturers say they have shipped.
CREATE TABLE manifest (
    mac INTEGER NOT NULL PRIMARY KEY CHECK (mac BETWEEN 1 AND 281474976710655),
    serial TEXT,
    model TEXT,
    sold_to TEXT,
    imported_at INTEGER NOT NULL
) STRICT;

-- Times in which phones of a block that show their certificate become a provider's. No two that are open share an
-- address (checked in the transaction that opens one).
CREATE TABLE claim_window (
    id TEXT NOT NULL PRIMARY KEY,
    provider_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    first INTEGER NOT NULL CHECK (first BETWEEN 0 AND 281474976710655),
    last INTEGER NOT NULL CHECK (last BETWEEN first AND 281474976710655),
    from_at INTEGER NOT NULL,
    -- Moved back to the moment when somebody closes it.
    until_at INTEGER NOT NULL CHECK (until_at >= from_at),
    -- Phones that have become the provider's through it.
    claimed INTEGER NOT NULL DEFAULT 0 CHECK (claimed >= 0)
) STRICT;

CREATE INDEX claim_window_by_provider ON claim_window (provider_id, until_at);
CREATE INDEX claim_window_by_end ON claim_window (until_at);

-- Phones that one provider asks another for.
CREATE TABLE transfer (
    id TEXT NOT NULL PRIMARY KEY,
    mac INTEGER NOT NULL CHECK (mac BETWEEN 1 AND 281474976710655),
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
    requested_at INTEGER NOT NULL,
    answer_by INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by TEXT NOT NULL CHECK (decided_by IN ('owner', 'operator', 'claimant', '')),
    reason TEXT NOT NULL,
    CHECK ((state = 'open') = (decided_at IS NULL))
) STRICT;

-- A provider asks once for a phone until it has its answer.
CREATE UNIQUE INDEX transfer_open ON transfer (mac, claimant_id) WHERE state = 'open';
CREATE INDEX transfer_by_claimant ON transfer (claimant_id, id);
CREATE INDEX transfer_by_owner ON transfer (owner_id, id);
CREATE INDEX transfer_waiting ON transfer (answer_by) WHERE state = 'open';
