-- How far each phone has come, and the timeline that led there.
--
-- MACs are 48-bit integers; times are microseconds since 1970 in UTC; states, events and the like
-- are words, so that a person can read the tables.

-- Where a phone stands. Everything here can be had again by replaying the timeline.
CREATE TABLE phone (
    mac            BIGINT  NOT NULL PRIMARY KEY CHECK (mac > 0 AND mac < 281474976710656),
    state          TEXT    NOT NULL CHECK (state IN ('open', 'pending', 'custom_pending', 'acquired', 'aborted', 'unavailable')),
    -- How many timeline entries there are. Grows with every write, so it is also the version.
    entries        BIGINT  NOT NULL CHECK (entries > 0),
    first_contact  BIGINT,
    last_contact   BIGINT,
    firmware       TEXT,
    model          TEXT,
    -- The last failure of the resync now awaited, and when the phone will try again.
    failure_class  TEXT    CHECK (failure_class IN ('B', 'C')),
    failure_status INTEGER CHECK (failure_status BETWEEN 100 AND 999),
    next_retry     BIGINT,
    CHECK ((first_contact IS NULL) = (last_contact IS NULL) AND first_contact <= last_contact),
    CHECK (failure_class IS NOT NULL OR (failure_status IS NULL AND next_retry IS NULL))
);

-- What happened, in the order it was recorded. Each entry is added at the end of the table, and only its key
-- is filed under its phone: entries kept together by phone cost a page to be written for each of them.
CREATE TABLE timeline (
    mac            BIGINT  NOT NULL REFERENCES phone (mac),
    -- Counts from 1 for each phone, without gaps.
    number         BIGINT  NOT NULL CHECK (number > 0),
    -- Names the observation for ever; a batch sent twice is recorded once. NULL for what was inferred here.
    entry          BYTEA   UNIQUE CHECK (length(entry) = 16),
    at             BIGINT  NOT NULL,
    event          TEXT    NOT NULL,
    evidence       TEXT    NOT NULL CHECK (evidence IN ('observed', 'inferred', 'reported', 'stated')),
    from_state     TEXT    NOT NULL,
    to_state       TEXT    NOT NULL,
    -- Why the event was refused as impossible; the state then stayed.
    refused        TEXT    CHECK (refused IS NULL OR from_state = to_state),
    -- What the event carries; which of these are set depends on it.
    question       TEXT,
    profile_id     TEXT,
    rule           TEXT,
    reason         TEXT,
    failure_class  TEXT,
    failure_status INTEGER,
    next_retry     BIGINT,
    place          TEXT,
    -- The circumstances.
    source         TEXT,
    request_id     TEXT    NOT NULL,
    provider_id    TEXT,
    firmware       TEXT,
    model          TEXT,
    PRIMARY KEY (mac, number),
    CHECK (entry IS NOT NULL OR evidence = 'inferred')
);

CREATE FUNCTION timeline_is_append_only() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the timeline is append-only';
END
$$;

CREATE TRIGGER timeline_keeps_its_entries BEFORE UPDATE ON timeline
FOR EACH ROW EXECUTE FUNCTION timeline_is_append_only();

CREATE TRIGGER timeline_loses_no_entry BEFORE DELETE ON timeline
FOR EACH ROW EXECUTE FUNCTION timeline_is_append_only();

CREATE TRIGGER timeline_is_not_emptied BEFORE TRUNCATE ON timeline
FOR EACH STATEMENT EXECUTE FUNCTION timeline_is_append_only();
