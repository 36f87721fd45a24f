-- Format 3: the digest of what was last written as a mirror, which tells it from another program's file. NULL: nothing
-- was written yet that is known.

ALTER TABLE mirror ADD COLUMN written INTEGER;
