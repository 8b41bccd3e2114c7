-- Calls under idempotency keys of versions that did not seal answers. They were kept for 24 hours.
DROP TABLE idempotent_calls;
