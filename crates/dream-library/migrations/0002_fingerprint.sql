-- What stems are recognised by; those of stems that came in before are made when they are needed.

create table fingerprint (
    stem    integer primary key references stem on delete cascade,
    version integer not null,
    spread  real    not null,              -- seconds
    bands   blob    not null,
    detail  blob    not null
) strict;
create index fingerprint_by_spread on fingerprint (version, spread, bands);
