-- Records, counters and the journal.

CREATE TABLE record (
    tenant TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    owner TEXT NOT NULL,
    value BLOB NOT NULL,
    version INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    due INTEGER,
    lease_until INTEGER,
    lease_node TEXT,
    changed INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_owner ON record (tenant, kind, owner);
CREATE INDEX record_changed ON record (tenant, kind, changed);
CREATE INDEX record_expires ON record (expires);
CREATE INDEX record_due ON record (tenant, kind, due) WHERE due IS NOT NULL;

-- The number of the last change. A table of its own, because the largest number may go with its record.
CREATE TABLE change (number INTEGER NOT NULL) STRICT;
INSERT INTO change VALUES (0);

CREATE TABLE counter (
    tenant TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    owner TEXT NOT NULL,
    taken INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX counter_expires ON counter (expires);

CREATE TABLE event (
    tenant TEXT NOT NULL DEFAULT '',
    node TEXT NOT NULL,
    seq INTEGER NOT NULL,
    format INTEGER NOT NULL,
    at INTEGER NOT NULL,
    trace TEXT,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    user TEXT NOT NULL,
    application TEXT NOT NULL,
    country TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (tenant, node, seq)
) STRICT;
CREATE INDEX event_at ON event (tenant, at);
CREATE INDEX event_trace ON event (tenant, trace, at);
CREATE INDEX event_user ON event (tenant, user, at);
CREATE INDEX event_application ON event (tenant, application, at);
CREATE INDEX event_outcome ON event (tenant, outcome, at);
CREATE INDEX event_country ON event (tenant, country, at);

-- Where each node's chain ends: without it a missing last event would show nowhere.
CREATE TABLE chain (
    tenant TEXT NOT NULL DEFAULT '',
    node TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (tenant, node)
) STRICT, WITHOUT ROWID;
