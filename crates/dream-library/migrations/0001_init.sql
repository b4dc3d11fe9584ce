-- The catalogue, the ledger of ingested files, the job table and the takes.
-- Times are milliseconds since the Unix epoch, in UTC.

create table stem (
    id          integer primary key autoincrement,
    hash        text    not null unique,  -- BLAKE3 of the decoded audio; names the blob
    name        text    not null,
    category    text    not null,
    form        text    not null,
    source      text    not null,
    kit         text,
    licence     text,
    channels    integer not null,
    sample_rate integer not null,
    frames      integer not null,
    bpm         real,
    key         text,
    quality     real    not null,
    loudness    real,
    facts       text    not null,         -- JSON
    provenance  text    not null,         -- JSON
    created_at  integer not null,
    updated_at  integer not null
) strict;
create index stem_by_category on stem (category, id);
create index stem_by_source on stem (source, id);

create table tag (
    stem integer not null references stem on delete cascade,
    tag  text    not null,
    primary key (stem, tag)
) strict, without rowid;
create index tag_by_name on tag (tag, stem);

create table embedding (
    stem   integer not null references stem on delete cascade,
    space  text    not null,
    dims   integer not null,
    vector blob    not null,              -- f32, little endian
    primary key (stem, space)
) strict;

-- What became of every file that was ingested: stems (file_stem), or a reason why not.
create table file (
    path        text    primary key,
    size        integer not null,
    modified_at integer not null,
    digest      text,                     -- BLAKE3 of the bytes; null when they could not be read
    reason      text,                     -- code of the refusal
    version     text    not null,         -- of the program that decided
    at          integer not null
) strict;
create index file_by_digest on file (digest);

create table file_stem (
    path text    not null references file on delete cascade,
    stem integer not null references stem on delete cascade,
    primary key (path, stem)
) strict, without rowid;
create index file_stem_by_stem on file_stem (stem);

create table job (
    id          integer primary key autoincrement,
    kind        text    not null,
    spec        text    not null,         -- JSON
    digest      text    not null,         -- BLAKE3 of kind and spec
    status      text    not null check (status in ('queued', 'running', 'done', 'failed', 'cancelled')),
    step        text,
    progress    real    not null default 0,
    attempts    integer not null default 0,  -- claims since a step was last committed
    token       integer not null default 0,  -- fence: only the newest claim may write
    owner       text,                     -- the presence file of the process that runs it
    error       text,
    result      text,                     -- JSON
    created_at  integer not null,
    started_at  integer,
    finished_at integer
) strict;
create index job_by_digest on job (digest, id);
create index job_by_status on job (status, id);

create table step (
    job    integer not null references job on delete cascade,
    name   text    not null,
    result text    not null,              -- JSON
    at     integer not null,
    primary key (job, name)
) strict, without rowid;

create table take (
    id         integer primary key autoincrement,
    path       text    not null,          -- relative to the home where it lies inside it
    hash       text    not null,          -- SHA-256 of the audio file
    prompt     text    not null,
    seed       integer not null,          -- the 64 bits of the seed, as a signed number
    plan       text    not null,          -- JSON
    casting    text    not null,          -- JSON
    report     text    not null,          -- JSON: loudness, peaks, timing, warnings
    created_at integer not null
) strict;
