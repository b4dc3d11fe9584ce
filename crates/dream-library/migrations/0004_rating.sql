-- What somebody thinks of a stem: 1, 0 or -1. A stem rated -1 is neither cast nor learned from, which a casting must tell without
-- reading the row.

alter table stem add column rating integer not null default 0 check (rating in (-1, 0, 1));
drop index stem_for_casting;
create index stem_for_casting on stem (category, id, source, quality, form, bpm, rating);
