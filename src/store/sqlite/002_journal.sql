-- Account names beside the journal, and where a chain begins whose old end was cut off.

CREATE TABLE account_name (
    tenant TEXT NOT NULL DEFAULT '',
    user TEXT NOT NULL,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    PRIMARY KEY (tenant, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_name_folded ON account_name (tenant, folded);

-- The number of the last event that was cut off, and its hash.
ALTER TABLE chain ADD COLUMN cut_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chain ADD COLUMN cut_hash BLOB NOT NULL DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000';
