//! The form of the database, version by version.

/// The version of the form: one more with every change that an older program could not live with.
pub(super) const VERSION: i64 = UPGRADES[UPGRADES.len() - 1].0;

/// `last_seen` of a client is empty while every run that publishes sees it: then it is the time of the last one
/// (`configurations.published_at`), and a run in which nothing changed does not have to write a row per client.
/// This is the form of version 1.
pub(super) const FORM: &str = "
CREATE TABLE configurations (
    id TEXT PRIMARY KEY,
    halo TEXT,
    published_at TEXT,
    proved_at TEXT,
    lists_at TEXT,
    configured_at TEXT,
    verified_at TEXT,
    verified_with TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE clients (
    configuration TEXT NOT NULL,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    toplevel TEXT,
    main_site TEXT,
    inactive INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen TEXT,
    PRIMARY KEY (configuration, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE lists (
    configuration TEXT NOT NULL,
    kind TEXT NOT NULL,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    usable INTEGER NOT NULL,
    PRIMARY KEY (configuration, kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    configuration TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    status TEXT,
    proved INTEGER NOT NULL DEFAULT 0,
    halo_count INTEGER,
    stored INTEGER NOT NULL DEFAULT 0,
    active INTEGER NOT NULL DEFAULT 0,
    disabled INTEGER NOT NULL DEFAULT 0,
    added INTEGER NOT NULL DEFAULT 0,
    updated INTEGER NOT NULL DEFAULT 0,
    newly_disabled INTEGER NOT NULL DEFAULT 0,
    returned INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    pages INTEGER NOT NULL DEFAULT 0,
    requests INTEGER NOT NULL DEFAULT 0,
    retries INTEGER NOT NULL DEFAULT 0,
    rate_limited_ms INTEGER NOT NULL DEFAULT 0,
    duration_ms INTEGER NOT NULL DEFAULT 0,
    warnings TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE INDEX runs_of_configuration ON runs (configuration, id);

CREATE TABLE installed (
    configuration TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    installed_at TEXT NOT NULL,
    PRIMARY KEY (configuration, kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE intents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    configuration TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    operation TEXT NOT NULL,
    begun_at TEXT NOT NULL,
    ended_at TEXT,
    outcome TEXT
) STRICT;
CREATE INDEX intents_of_configuration ON intents (configuration, id);
";

/// What every version added to the one before it. A database is brought up to date when it is opened for writing; a new
/// one goes the same way, so there is one form and not two.
pub(super) const UPGRADES: &[(i64, &str)] = &[
    (
        2,
        // The runs of Configure, and what each of their writes proves: what a roll back needs. What was last read of Halo's
        // log of deliveries. `pages` is the checkpoint of a sync in progress: a row per page that was read, with the ids on it
        // and only those clients that are not stored just so. The callbacks, and the days that had their sync.
        "
CREATE TABLE configure_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    configuration TEXT NOT NULL,
    begun_at TEXT NOT NULL,
    undone_at TEXT
) STRICT;
ALTER TABLE intents ADD COLUMN run INTEGER;
ALTER TABLE intents ADD COLUMN object TEXT;
ALTER TABLE intents ADD COLUMN proof TEXT;

CREATE TABLE deliveries (
    configuration TEXT NOT NULL,
    webhook TEXT NOT NULL,
    read_at TEXT NOT NULL,
    verdict TEXT NOT NULL,
    PRIMARY KEY (configuration, webhook)
) STRICT, WITHOUT ROWID;

CREATE TABLE pages (
    run INTEGER NOT NULL,
    look INTEGER NOT NULL,
    page INTEGER NOT NULL,
    record_count INTEGER,
    content TEXT NOT NULL,
    read_at TEXT NOT NULL,
    PRIMARY KEY (run, look, page)
) STRICT, WITHOUT ROWID;
CREATE TABLE change_reports (
    run INTEGER PRIMARY KEY,
    changes TEXT NOT NULL
) STRICT;
ALTER TABLE runs ADD COLUMN resumed_pages INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN baseline TEXT;

CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    configuration TEXT NOT NULL,
    id TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    grp TEXT NOT NULL,
    event TEXT,
    ticket_id INTEGER,
    body TEXT NOT NULL,
    looked_up INTEGER NOT NULL DEFAULT 0,
    on_pia_board INTEGER,
    ticket TEXT,
    ticket_problem TEXT,
    forward TEXT,
    forward_attempts INTEGER NOT NULL DEFAULT 0,
    forward_since INTEGER,
    forward_at INTEGER,
    forward_error TEXT,
    UNIQUE (configuration, id)
) STRICT;
CREATE INDEX events_of_configuration ON events (configuration, number);
CREATE INDEX events_to_look_up ON events (configuration, number) WHERE looked_up = 0;
CREATE INDEX events_to_forward ON events (configuration, ticket_id, number) WHERE forward = 'pending';

CREATE TABLE daily (
    configuration TEXT NOT NULL,
    day TEXT NOT NULL,
    outcome TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (configuration, day)
) STRICT, WITHOUT ROWID;
ALTER TABLE configurations ADD COLUMN served_since TEXT;
",
    ),
    (
        3,
        // What tells a tab from another one that has got its number, and which tab a ticket type was linked to.
        "ALTER TABLE installed ADD COLUMN mark TEXT;",
    ),
    (
        4,
        // Where the credentials that were verified signed in.
        "
ALTER TABLE configurations ADD COLUMN sign_in_url TEXT;
ALTER TABLE configurations ADD COLUMN sign_in_tenant TEXT;
",
    ),
    (
        5,
        // When Halo says that an event happened, where a missed one was fetched from, and why one is not understood. Until
        // when nothing was missed, and what was done about each gap since.
        "
ALTER TABLE events ADD COLUMN sent_at INTEGER;
ALTER TABLE events ADD COLUMN fetched_from TEXT;
ALTER TABLE events ADD COLUMN not_understood TEXT;
ALTER TABLE configurations ADD COLUMN complete_until INTEGER;
CREATE TABLE gaps (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    configuration TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    gap TEXT NOT NULL
) STRICT;
CREATE INDEX gaps_of_configuration ON gaps (configuration, number);
",
    ),
    (
        6,
        // Which Halo it is and which release it runs, and the one before that.
        "
ALTER TABLE configurations ADD COLUMN halo_product TEXT;
ALTER TABLE configurations ADD COLUMN halo_version TEXT;
ALTER TABLE configurations ADD COLUMN halo_version_before TEXT;
ALTER TABLE configurations ADD COLUMN halo_changed_at TEXT;
",
    ),
    (
        7,
        // What the rule of which clients Pia serves asks for, and whom it leaves out. A page that an older program has
        // read tells nothing of it.
        "
ALTER TABLE clients ADD COLUMN toplevel_id INTEGER;
ALTER TABLE clients ADD COLUMN customer_type INTEGER;
ALTER TABLE clients ADD COLUMN custom_fields TEXT;
ALTER TABLE clients ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;
DELETE FROM pages;
",
    ),
    (
        8,
        // Clients that are to be forwarded, each as it was when a sync changed it.
        "
ALTER TABLE configurations ADD COLUMN hands_on INTEGER NOT NULL DEFAULT 0;
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    configuration TEXT NOT NULL,
    client INTEGER NOT NULL,
    message TEXT NOT NULL,
    what TEXT NOT NULL,
    run INTEGER,
    at TEXT NOT NULL,
    name_before TEXT,
    name TEXT NOT NULL,
    toplevel TEXT,
    main_site TEXT,
    inactive INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    left_out INTEGER NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER
) STRICT;
CREATE INDEX outbox_in_order ON outbox (configuration, number);
CREATE INDEX outbox_of_client ON outbox (configuration, client, number);
",
    ),
    (
        9,
        // What was last found of each rule of health, and the cause that a person has said is known.
        "
CREATE TABLE health (
    configuration TEXT NOT NULL,
    rule TEXT NOT NULL,
    finding TEXT NOT NULL,
    dismissed TEXT,
    PRIMARY KEY (configuration, rule)
) STRICT, WITHOUT ROWID;
",
    ),
    (
        10,
        // When a person agreed to go on with a list that no sync has proved complete.
        "ALTER TABLE configurations ADD COLUMN unproved_at TEXT;",
    ),
    (
        11,
        // A report of changes comes in parts, as it can be as long as the list.
        "
ALTER TABLE change_reports RENAME TO whole_reports;
CREATE TABLE change_reports (
    run INTEGER NOT NULL,
    part INTEGER NOT NULL,
    changes TEXT NOT NULL,
    PRIMARY KEY (run, part)
) STRICT, WITHOUT ROWID;
INSERT INTO change_reports SELECT run, 0, changes FROM whole_reports;
DROP TABLE whole_reports;
",
    ),
    (
        12,
        // What the hosts have in common that share a store; where it is a file of one machine, that has files for it.
        "
CREATE TABLE settings (
    part TEXT PRIMARY KEY,
    save INTEGER NOT NULL,
    content TEXT NOT NULL,
    saved_at TEXT NOT NULL,
    saved_by TEXT NOT NULL,
    host TEXT NOT NULL
) STRICT, WITHOUT ROWID;
",
    ),
    (
        13,
        // When our webhooks were last left switched on, and since when callbacks were missed that nobody has looked after yet:
        // whichever host it was, each one judges by it. One that works alone at a server must not work beside several.
        "
ALTER TABLE configurations ADD COLUMN on_at TEXT;
UPDATE configurations SET on_at = configured_at;
ALTER TABLE configurations ADD COLUMN missed_since INTEGER;
ALTER TABLE configurations ADD COLUMN misses INTEGER NOT NULL DEFAULT 0;
",
    ),
    (
        14,
        // The audit trails of the hosts that share a store: how far each is copied, and its lines.
        "
CREATE TABLE trails (
    trail TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    lines INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    hash TEXT NOT NULL,
    tag TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE trail (
    trail TEXT NOT NULL,
    line INTEGER NOT NULL,
    at INTEGER,
    content TEXT NOT NULL,
    PRIMARY KEY (trail, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX trail_by_time ON trail (at);
",
    ),
];

/// What only makes reading quick: an older program lives with it, so it is no version of its own. The age of events is for
/// forgetting them; those that were given up are counted at every look at the service, as are those of the last day, and the
/// last one of each webhook is read.
pub(super) const INDEXES: &str = "
CREATE INDEX IF NOT EXISTS events_by_age ON events (received_at);
CREATE INDEX IF NOT EXISTS events_by_arrival ON events (configuration, received_at);
CREATE INDEX IF NOT EXISTS events_delivered ON events (configuration, grp, number) WHERE fetched_from IS NULL;
CREATE INDEX IF NOT EXISTS events_given_up ON events (configuration, number) WHERE forward = 'undelivered';
CREATE INDEX IF NOT EXISTS events_not_understood ON events (configuration, received_at) WHERE not_understood IS NOT NULL;
";

/// What brings a form of this version up to date.
pub(super) fn upgrades(version: i64) -> impl Iterator<Item = &'static str> {
    let form = (version == 0).then_some(FORM);
    let due = UPGRADES.iter().filter(move |(since, _)| *since > version).map(|(_, upgrade)| *upgrade);
    form.into_iter().chain(due)
}

/// What makes reading it quick, each with its name.
pub(super) fn indexes() -> impl Iterator<Item = (&'static str, &'static str)> {
    let named = |sql: &'static str| sql.split_once("EXISTS ")?.1.split_once(' ').map(|(name, _)| (name, sql));
    INDEXES.split(';').filter_map(named)
}
