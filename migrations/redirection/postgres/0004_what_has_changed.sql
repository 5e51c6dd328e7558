-- What has changed, for the processes that answer phones from memory: each reads here what others have written.

CREATE TABLE change_log (
    -- In the order of the commits, without gaps: who writes has a lock until it has committed.
    number BIGINT NOT NULL PRIMARY KEY CHECK (number > 0),
    at BIGINT NOT NULL,
    -- What to read again.
    subject TEXT NOT NULL CHECK (subject IN ('profile', 'device', 'range', 'window', 'policy', 'frozen')),
    -- Its id, or a phone's address as twelve hex digits; of `policy` and `frozen` the provider's.
    id TEXT NOT NULL
);
