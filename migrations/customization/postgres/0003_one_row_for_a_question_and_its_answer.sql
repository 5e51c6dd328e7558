-- A question and its answer are one row, and where a phone stands is told by its newest row: a record is one row added,
-- and nothing is rewritten.
--
-- A program of the version before, still running beside this one, can record and read nothing any more until it is
-- replaced. Nothing is lost by that: what was not recorded is sent again.

ALTER TABLE timeline RENAME TO timeline_before;
ALTER INDEX timeline_pkey RENAME TO timeline_before_pkey;

-- What happened, in the order it was recorded. Each row is added at the end of the table, and only its key is filed
-- under its phone: rows kept together by phone cost a page to be written for each of them.
CREATE TABLE timeline (
    mac         BIGINT  NOT NULL CHECK (mac > 0 AND mac < 281474976710656),
    -- Counts from 1 for each phone, without gaps. A question that was answered at once counts as two, itself and the
    -- answer.
    number      BIGINT  NOT NULL CHECK (number > 0),
    -- 16 bytes that name the observation for ever; one that is sent twice is recorded once. NULL for what was inferred
    -- here. (To check the length costs more than all other checks: SQLite prepares for a function that fails.)
    entry       BYTEA,
    -- The same of the answer, where this is a question with its answer.
    answer      BYTEA,
    at          BIGINT  NOT NULL,
    answered_at BIGINT,
    event       TEXT    NOT NULL,
    -- What is frequent comes first, which is cheaper than a list.
    evidence    TEXT    NOT NULL CHECK (evidence = 'observed' OR evidence = 'reported' OR evidence = 'stated' OR evidence = 'inferred'),
    from_state  TEXT    NOT NULL,
    -- Of an answered question, the state after the answer; between the two it is pending.
    to_state    TEXT    NOT NULL CHECK (
        to_state = 'custom_pending' OR to_state = 'unavailable' OR to_state = 'acquired' OR to_state = 'pending'
        OR to_state = 'open' OR to_state = 'aborted'
    ),
    -- JSON: what the event carries, its circumstances, and why it was refused where it was impossible.
    facts       TEXT    NOT NULL,
    -- JSON: what else is known of the phone after this. NULL where a newer row was there from the beginning.
    phone       TEXT,
    PRIMARY KEY (mac, number),
    CHECK (entry IS NOT NULL OR evidence = 'inferred'),
    CHECK ((answer IS NULL) = (answered_at IS NULL))
);

INSERT INTO timeline (mac, number, entry, at, event, evidence, from_state, to_state, facts, phone)
SELECT t.mac, t.number, t.entry, t.at, t.event, t.evidence, t.from_state, t.to_state,
       json_strip_nulls(json_build_object(
           'question', t.question,
           'profile_id', t.profile_id,
           'rule', t.rule,
           'reason', t.reason,
           'failure_class', t.failure_class,
           'failure_status', t.failure_status,
           'next_retry', t.next_retry,
           'place', t.place,
           'refused', t.refused,
           'source', t.source,
           'request_id', NULLIF(t.request_id, ''),
           'provider_id', t.provider_id,
           'firmware', t.firmware,
           'model', t.model
       ))::TEXT,
       CASE WHEN t.number = p.entries THEN
           json_strip_nulls(json_build_object(
               'first_contact', p.first_contact,
               'last_contact', p.last_contact,
               'firmware', p.firmware,
               'model', p.model,
               'failure_class', p.failure_class,
               'failure_status', p.failure_status,
               'next_retry', p.next_retry,
               'acquired_at', p.acquired_at,
               'second_hand_since', p.second_hand_since,
               'newest', (SELECT MAX(encode(n.entry, 'hex') COLLATE "C") FROM timeline_before AS n WHERE n.mac = t.mac)
           ))::TEXT
       END
FROM timeline_before AS t
JOIN phone AS p ON p.mac = t.mac
ORDER BY t.mac, t.number;

DROP TABLE timeline_before;
DROP TABLE phone;

CREATE TRIGGER timeline_keeps_its_entries BEFORE UPDATE ON timeline
FOR EACH ROW EXECUTE FUNCTION timeline_is_append_only();

CREATE TRIGGER timeline_loses_no_entry BEFORE DELETE ON timeline
FOR EACH ROW EXECUTE FUNCTION timeline_is_append_only();

CREATE TRIGGER timeline_is_not_emptied BEFORE TRUNCATE ON timeline
FOR EACH STATEMENT EXECUTE FUNCTION timeline_is_append_only();
