-- At most one row: the newest time that deletion by age went by, in milliseconds since 1970. A gateway that starts compares its
-- clock with it.
CREATE TABLE aging (
    ms BIGINT NOT NULL
);
