use dream_core::Category;

use super::*;
use crate::tests::{NOW, add, open, stem};

/// A library with three stems, after this was done to its database behind its back.
fn damaged(sql: &str) -> (tempfile::TempDir, Library) {
    let (home, library) = open();
    for audio in [0.3, 0.5, 0.7] {
        add(&library, &stem(&library, audio, Category::Kick, None));
    }
    library.lock().pragma_update(None, "foreign_keys", false).unwrap();
    library.lock().execute_batch(sql).unwrap();
    library.lock().pragma_update(None, "foreign_keys", true).unwrap();
    (home, library)
}

#[test]
fn rows_that_cannot_be_read_are_listed_beside_the_others_and_written_anew() {
    let (_home, library) = damaged(
        "update stem set facts = '{broken' where id = 1;
         update stem set category = 'wibble', source = 'wobble' where id = 3;",
    );
    let broken = |library: &Library| -> Vec<i64> {
        let rows = library.listed(StemId(0), 10).unwrap();
        assert_eq!(rows.len(), 3);
        rows.iter().filter(|row| row.entry.is_err()).map(|row| row.id.0).collect()
    };
    assert_eq!(broken(&library), [1, 3]);
    let new = stem(&library, 0.9, Category::Bass, None);
    let mut kept = Vec::new();
    for id in [1, 3].map(StemId) {
        library
            .relist(
                id,
                (&new.facts, &new.provenance),
                (&new.embeddings[0], &new.fingerprint),
                NOW,
                |row| {
                    kept.push(row.clone());
                    Ok::<_, Error>(())
                },
            )
            .unwrap();
    }
    assert_eq!((&kept[0]["facts"], &kept[1]["source"]), (&json!("{broken"), &json!("wobble")));
    assert!(broken(&library).is_empty());
    assert_eq!(library.stem(StemId(3)).unwrap().stem.source, Source::Original);
    let counts = library.statistics().unwrap().by_category;
    assert_eq!(counts, [(Category::Kick, 1), (Category::Bass, 2)]);
}

#[test]
fn rows_that_name_nothing_are_counted_and_go_only_after_they_were_kept() {
    let (_home, library) = damaged(
        "insert into tag values (99, 'x'), (98, 'y');
         insert into file_stem values ('nowhere', 1);",
    );
    assert_eq!(library.faults().unwrap(), Vec::<String>::new());
    let found = library.dangling().unwrap();
    assert_eq!(found, [("tag", 2), ("file_stem", 1)]);
    let refused = library.cut_dangling("tag", |_| Err(Error::Invalid("no room")));
    assert!(refused.is_err());
    assert_eq!(library.dangling().unwrap(), found);
    for (table, count) in found {
        let keep = |rows: &[Value]| {
            assert_eq!(rows.len() as u64, count);
            Ok::<_, Error>(())
        };
        library.cut_dangling(table, keep).unwrap();
    }
    assert_eq!(library.dangling().unwrap(), []);
}

#[test]
fn a_stem_goes_off_the_list_only_without_its_audio() {
    let (_home, library) = damaged("update stem set hash = '../../x' where id = 2;");
    let none = |_: &Value| Ok::<_, Error>(());
    assert!(!library.unlist(StemId(1), none).unwrap());
    std::fs::remove_file(library.blobs().path(&library.stem(StemId(1)).unwrap().stem.hash))
        .unwrap();
    let refused = library.unlist(StemId(1), |_| Err(Error::Invalid("no room")));
    assert!(refused.is_err() && library.has_stem(StemId(1)).unwrap());
    assert!(library.unlist(StemId(1), none).unwrap());
    assert!(library.unlist(StemId(2), none).unwrap());
    assert!(!library.unlist(StemId(2), none).unwrap());
    assert_eq!(library.statistics().unwrap().total, 1);
}

#[test]
fn a_take_that_cannot_be_read_is_listed_and_can_be_taken_off() {
    let (_home, library) = damaged(
        "insert into take (path, hash, prompt, seed, plan, casting, report, created_at)
         values ('generated_tracks/x.wav', 'aa', 'p', 1, '{}', '{}', '{}', 1),
             ('generated_tracks/x.wav', 'bb', 'p', 1, '{}', '{}', '{}', 1);",
    );
    let rows = library.listed_takes().unwrap();
    assert_eq!(rows.iter().map(|row| row.replaced).collect::<Vec<_>>(), [true, false]);
    assert!(rows.iter().all(|row| row.take.is_err()));
    let mut plan = Value::Null;
    let keep = |row: &Value| {
        plan = row["plan"].clone();
        Ok::<_, Error>(())
    };
    assert!(library.unlist_take(TakeId(1), keep).unwrap());
    assert_eq!((plan, library.count_takes().unwrap()), (json!("{}"), 1));
}
