-- The time until which the answer of a call that has begun may still come, by the database's clock. Gateways read it only together with that
-- clock. After it, the end of a call without an answer is unknown.
ALTER TABLE named_calls ADD COLUMN answer_until_ms BIGINT NOT NULL DEFAULT 0;
