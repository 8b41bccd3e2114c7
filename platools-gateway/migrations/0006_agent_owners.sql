-- The user whose agent it is; nobody in particular without one.
ALTER TABLE agents ADD COLUMN owner TEXT;
