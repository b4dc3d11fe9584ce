-- What a shortlist reads of every stem lies together: a casting looks at a few columns and one vector of all stems of a
-- category, and reads only the most promising whole.

create table vector (
    space  text    not null,
    stem   integer not null references stem on delete cascade,
    dims   integer not null,
    vector blob    not null,              -- f32, little endian
    primary key (space, stem)
) strict, without rowid;
insert into vector (space, stem, dims, vector) select space, stem, dims, vector from embedding;
drop table embedding;
alter table vector rename to embedding;
create index embedding_by_stem on embedding (stem, space);

create index stem_for_casting on stem (category, id, source, quality, form, bpm);
