-- What a queue needs of a job: who runs it, in which order, how it is asked to stop, and what is to be told of it.

-- 1: waits for a worker; 0: is run by the process that asked for it.
alter table job add column background integer not null default 0 check (background in (0, 1));
alter table job add column lane text not null default 'heavy' check (lane in ('heavy', 'light'));
alter table job add column priority integer not null default 0;
-- The key by which a request that is sent twice is one job.
alter table job add column key text;
alter table job add column stop integer not null default 0 check (stop in (0, 1));
alter table job add column doing text;
alter table job add column eta_s real;
-- The error as it may be told to anybody: a stable code, and words without paths.
alter table job add column code text;
alter table job add column detail text;
create unique index job_by_key on job (key) where key is not null;
create index job_in_queue on job (lane, priority desc, id) where background = 1 and status = 'queued';
create index job_by_end on job (finished_at) where finished_at is not null;

-- Every change of a job that is worth telling, numbered: who has read up to a number reads on from there.
create table event (
    id       integer primary key autoincrement,
    job      integer not null references job on delete cascade,
    status   text    not null,
    progress real    not null,
    doing    text,
    eta_s    real,
    stop     integer not null
) strict;
create index event_by_job on event (job, id);

create trigger job_added after insert on job begin
    insert into event (job, status, progress, doing, eta_s, stop)
    values (new.id, new.status, new.progress, new.doing, new.eta_s, new.stop);
end;
create trigger job_changed after update on job
when old.status is not new.status or old.stop is not new.stop or old.doing is not new.doing
    or cast(old.progress * 1000 as integer) is not cast(new.progress * 1000 as integer)
begin
    insert into event (job, status, progress, doing, eta_s, stop)
    values (new.id, new.status, new.progress, new.doing, new.eta_s, new.stop);
end;

-- What somebody says of a take.
alter table take add column title text;
alter table take add column rating integer not null default 0 check (rating in (-1, 0, 1));

-- Counts are kept, not counted: of a large library every row would have to be read.
create table tally (
    what   text    not null check (what in ('all', 'source', 'category', 'form', 'kit')),
    name   text    not null,
    count  integer not null,
    micros integer not null,               -- length of all of them in microseconds
    primary key (what, name)
) strict, without rowid;

create trigger stem_counted after insert on stem begin
    insert into tally (what, name, count, micros)
    select what, name, 1, 1000000 * new.frames / new.sample_rate
    from (select 'all' as what, '' as name
        union all select 'source', new.source union all select 'category', new.category
        union all select 'form', new.form union all select 'kit', new.kit)
    where name is not null
    on conflict (what, name) do update set count = count + 1, micros = micros + excluded.micros;
end;
create trigger stem_discounted after delete on stem begin
    update tally set count = count - 1, micros = micros - 1000000 * old.frames / old.sample_rate
    where (what = 'all' and name = '') or (what = 'source' and name = old.source)
        or (what = 'category' and name = old.category) or (what = 'form' and name = old.form)
        or (what = 'kit' and name = old.kit);
    delete from tally where count = 0;
end;
create trigger stem_recounted after update of source, category, form, kit on stem
when old.source is not new.source or old.category is not new.category
    or old.form is not new.form or old.kit is not new.kit
begin
    update tally set count = count - 1, micros = micros - 1000000 * old.frames / old.sample_rate
    where (what = 'source' and name = old.source) or (what = 'category' and name = old.category)
        or (what = 'form' and name = old.form) or (what = 'kit' and name = old.kit);
    insert into tally (what, name, count, micros)
    select what, name, 1, 1000000 * new.frames / new.sample_rate
    from (select 'source' as what, new.source as name union all select 'category', new.category
        union all select 'form', new.form union all select 'kit', new.kit)
    where name is not null
    on conflict (what, name) do update set count = count + 1, micros = micros + excluded.micros;
    delete from tally where count = 0;
end;

insert into tally (what, name, count, micros)
select 'all', '', count(*), sum(1000000 * frames / sample_rate) from stem having count(*) > 0;
insert into tally (what, name, count, micros)
select 'source', source, count(*), sum(1000000 * frames / sample_rate) from stem group by source;
insert into tally (what, name, count, micros)
select 'category', category, count(*), sum(1000000 * frames / sample_rate) from stem group by category;
insert into tally (what, name, count, micros)
select 'form', form, count(*), sum(1000000 * frames / sample_rate) from stem group by form;
insert into tally (what, name, count, micros)
select 'kit', kit, count(*), sum(1000000 * frames / sample_rate) from stem
where kit is not null group by kit;

create index stem_by_bpm on stem (bpm) where bpm is not null;
