-- What is read and written for a guess is the same whether it hit a code or not, and what is kept of it ends.

-- Nobody's code: what a guess at nothing is about. No digits that can be typed are its own.
INSERT INTO code (
    id, kind, state, provider_id, profile_id, length, digits,
    models, networks, registered_only, expected_phones, weight, activations, note, created_at
)
VALUES (
    'cod_00000000000000000000', 'directory', 'revoked', 'prv_00000000000000000000', 'prf_00000000000000000000', 3, '---',
    '[]', '[]', 0, 0, 0.0, 0, '', 0
);

-- Guesses at nothing had no code until now. They were kept for a day.
DELETE FROM attempt WHERE code_id = '';

-- Of an entry that tells of a search: how many misses there were.
ALTER TABLE attempt ADD COLUMN misses BIGINT NOT NULL DEFAULT 0;

-- Of codes with the same digits the live one, or else the newest: found without reading the others.
DROP INDEX code_by_digits;
CREATE INDEX code_by_digits ON code (digits, (state IN ('queued', 'open')) DESC, created_at DESC, id)
WHERE kind = 'directory';

DROP INDEX attempt_by_code;
CREATE INDEX attempt_by_code ON attempt (code_id, at, outcome);
-- Those that are replaced by the next.
CREATE INDEX attempt_throttled ON attempt (code_id, network) WHERE outcome = 'throttled';
CREATE INDEX attempt_repeated ON attempt (code_id, mac) WHERE outcome = 'repeated';
-- Those that are no attempts but tell the provider of a search.
CREATE INDEX attempt_alert ON attempt (code_id, outcome, at) WHERE outcome = 'search';
-- Those that are forgotten in time.
CREATE INDEX attempt_by_time ON attempt (at) WHERE outcome NOT IN ('redeemed', 'repeated');
