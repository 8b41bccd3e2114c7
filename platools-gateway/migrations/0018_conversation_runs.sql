-- The runs of conversations that have their turn, or wait for it, where several gateways serve the same conversations.
CREATE TABLE conversation_runs (
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    -- The order of the queue. The run with the lowest place has its turn.
    place           BIGINT NOT NULL,
    run_id          TEXT NOT NULL,
    -- The time until which the run keeps its place unless it is renewed, by the database's clock.
    until_ms        BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, place)
);
