-- What callers were answered to requests that they named, so that the same request gets the same answer.
CREATE TABLE idempotent_calls (
    -- Whose it is, and how they named it.
    owner       TEXT NOT NULL,
    name        TEXT NOT NULL,
    -- Of the request: the same name for something else is a mistake.
    fingerprint TEXT NOT NULL,
    created_ms  BIGINT NOT NULL,
    -- JSON; none while the call is under way, or when the gateway ended before the call did.
    answer      TEXT,
    PRIMARY KEY (owner, name)
);

CREATE INDEX idempotent_calls_created ON idempotent_calls (created_ms);
