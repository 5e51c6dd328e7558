-- What is on its way and cannot be handed on yet, oldest first. SQLite alone: it lies beside the process that
-- promised to hand it on, for the time in which nobody else can be reached.

CREATE TABLE parcel (
    -- Grows and is never used again, so that what was handed on can be told from what came later.
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    -- How many things are in it.
    items   INTEGER NOT NULL CHECK (items > 0),
    content BLOB    NOT NULL
) STRICT;
