use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn reference(end: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference");
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.extension().is_some_and(|found| found == end)).unwrap()
}

fn bytes(end: &str) -> Vec<u8> {
    std::fs::read(reference(end)).unwrap()
}

/// A zip archive of stored members.
fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in members {
        let offset = out.len() as u32;
        let sizes = [data.len() as u32; 2].map(u32::to_le_bytes).concat();
        let lengths = [name.len() as u16, 0].map(u16::to_le_bytes).concat();
        out.extend(b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0");
        out.extend([&sizes[..], &lengths, name.as_bytes(), data].concat());
        directory.extend(b"PK\x01\x02\x0a\0\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0");
        directory.extend([&sizes[..], &lengths, &[0; 10]].concat());
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, count) = (out.len() as u32, (members.len() as u16).to_le_bytes());
    out.extend(&directory);
    out.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count].concat());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// A checkpoint whose state is `state`, a piece of pickle, with one storage of sixteen bytes.
fn checkpoint(state: &[u8]) -> Result<Store, Error> {
    let text =
        |text: &str| [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    let pickle = [
        b"\x80\x02}(".to_vec(),
        text("klass"),
        b"cdemucs.htdemucs\nHTDemucs\n".to_vec(),
        text("args"),
        b")".to_vec(),
        text("kwargs"),
        b"}".to_vec(),
        text("state"),
        state.to_vec(),
        b"u.".to_vec(),
    ]
    .concat();
    Store::from_bytes(archive(&[("a/data.pkl", &pickle), ("a/data/0", &[0x3c; 16])]))
}

/// `{"w": tensor}` of half precision with that offset, shape and strides.
fn state(offset: u8, shape: [u8; 2], strides: [u8; 2]) -> Vec<u8> {
    let pair = |[a, b]: [u8; 2]| [b'K', a, b'K', b, 0x86];
    [
        b"}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(".to_vec(),
        b"(X\x07\0\0\0storagectorch\nHalfStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x08tQ".to_vec(),
        vec![b'K', offset],
        pair(shape).to_vec(),
        pair(strides).to_vec(),
        b"\x89}tRs".to_vec(),
    ]
    .concat()
}

#[test]
fn both_formats_are_read() {
    for end in ["th", "safetensors"] {
        let store = Store::open(&reference(end)).unwrap();
        assert_eq!(store.class(), "HTDemucs");
        assert_eq!(store.options()["sources"], serde_json::json!(["drums", "other"]));
        assert_eq!(store.options()["segment"]["numerator"], 4001);
        let bias = store.root().at("encoder.0").at("conv").tensor("bias", &[8]).unwrap();
        assert!(bias.iter().any(|x| *x != 0.0));
        assert!(store.names().len() > 100 && store.sha256().len() == 64);
    }
}

#[test]
fn tensors_are_read_through_offsets_and_strides() {
    let values = |offset, shape: [u8; 2], strides| {
        let store = checkpoint(&state(offset, shape, strides)).unwrap();
        store.root().tensor("w", &shape.map(usize::from)).unwrap()
    };
    // 0x3c3c is 1.058...
    assert!(values(2, [2, 3], [3, 1]).iter().all(|x| (x - 1.058_593_8).abs() < 1e-6));
    assert_eq!(values(0, [2, 4], [1, 2]).len(), 8);
    assert_eq!(values(0, [0, 4], [4, 1]).len(), 0);
}

#[test]
fn half_precision_is_exact() {
    for (bits, value) in [
        (0x3c00, 1.0),
        (0xc000, -2.0),
        (0x7bff, 65504.0),
        (0x0001, 5.960_464_5e-8),
        (0x0400, 6.103_515_6e-5),
        (0x8000, -0.0),
        (0x3555, 0.333_251_95),
    ] {
        assert_eq!(half(bits).to_bits(), f32::to_bits(value));
    }
    assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
}

#[test]
fn a_tensor_larger_than_its_storage_is_an_error() {
    for state in [
        state(0, [2, 5], [5, 1]),
        state(7, [1, 2], [2, 1]),
        state(0, [200, 200], [0, 0]),
        state(0, [2, 2], [255, 1]),
    ] {
        assert!(matches!(checkpoint(&state), Err(Error::Malformed(_))));
    }
}

#[test]
fn a_pickle_that_calls_anything_is_refused() {
    for (call, name) in [
        (&b"cos\nsystem\nX\x02\0\0\0ls\x85R"[..], "os.system"),
        (b"cposix\nsystem\nX\x02\0\0\0ls\x85R", "posix.system"),
        (b"cbuiltins\neval\nX\x01\0\0\x001\x85R", "builtins.eval"),
        (b"X\x08\0\0\0builtinsX\x04\0\0\0exec\x93X\x01\0\0\x001\x85R", "builtins.exec"),
        (b"})R", "an object"),
    ] {
        match checkpoint(call) {
            Err(Error::Calls(called)) => assert_eq!(called, name),
            other => panic!("{other:?}"),
        }
    }
    // Old-style calls by name are no instructions here.
    assert!(matches!(checkpoint(b"(X\x02\0\0\0lsios\nsystem\n"), Err(Error::Malformed(_))));
}

#[test]
fn objects_of_other_classes_stay_closed() {
    let object = b"X\x01\0\0\0xcomegaconf.dictconfig\nDictConfig\n)\x81}X\x01\0\0\0aK\x01sb";
    let state = [&b"}("[..], object, b"u"].concat();
    // It is no tensor, but reading the object itself is not what fails.
    assert!(matches!(checkpoint(&state), Err(Error::Malformed("a tensor that is none"))));
}

#[test]
fn values_that_hold_themselves_end() {
    let pickle = b"\x80\x02}q\0(X\x05\0\0\0klassca\nb\nX\x04\0\0\0args]q\x01h\x01aX\x06\0\0\0kwargs}X\x05\0\0\0state}u.";
    let bytes = archive(&[("data.pkl", pickle)]);
    assert!(matches!(Store::from_bytes(bytes), Err(Error::Malformed(_))));
    // Sixty doublings of a list: 2^60 values if they were written out.
    let mut pickle = b"\x80\x02}(X\x05\0\0\0klassca\nb\nX\x04\0\0\0args]q\0".to_vec();
    for i in 0..60 {
        pickle.extend([b'0', b']', b'q', i + 1, b'(', b'h', i, b'h', i, b'e']);
    }
    pickle.extend(b"X\x06\0\0\0kwargs}X\x05\0\0\0state}u.");
    let bytes = archive(&[("data.pkl", &pickle)]);
    assert!(matches!(Store::from_bytes(bytes), Err(Error::Malformed(_))));
}

#[test]
fn a_cut_file_is_an_error_wherever_it_is_cut() {
    for end in ["th", "safetensors"] {
        let bytes = bytes(end);
        for cut in (0..bytes.len()).step_by(bytes.len() / 97).chain([bytes.len() - 1]) {
            assert!(Store::from_bytes(bytes[..cut].to_vec()).is_err(), "{end} {cut}");
        }
    }
}

#[test]
fn a_file_that_is_not_what_its_name_says_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        let path = folder.path().join(name);
        std::fs::copy(reference("th"), &path).unwrap();
        Store::open(&path)
    };
    assert!(matches!(place("small-01234567.th"), Err(Error::Checksum { .. })));
    assert!(place("small.th").is_ok() && place("my-model.th").is_ok());
    let sha256 = place("small.th").unwrap().sha256().to_owned();
    assert!(place(&format!("small-{}.th", &sha256[..12])).is_ok());
    let sparse = std::fs::File::create(folder.path().join("large.th")).unwrap();
    sparse.set_len(MAX_BYTES + 1).unwrap();
    let large = Store::open(&folder.path().join("large.th"));
    assert!(matches!(large, Err(Error::TooLarge { .. })));
    assert!(matches!(Store::open(Path::new("/nowhere.th")), Err(Error::Io(_))));
}

#[test]
fn what_is_missing_is_named() {
    let store = checkpoint(&state(0, [2, 4], [4, 1])).unwrap();
    let missing = store.root().at("encoder.0").tensor("bias", &[1]);
    assert!(matches!(missing, Err(Error::MissingTensor(name)) if name == "encoder.0.bias"));
    let shape = store.root().tensor("w", &[8]);
    assert!(matches!(shape, Err(Error::Shape { got, .. }) if got == [2, 4]));
    let refused = crate::Htdemucs::new(&store);
    assert!(matches!(refused, Err(Error::Unsupported { name: "sources", .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_files_never_panic(end in 0..2_usize, places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = bytes(["th", "safetensors"][end]);
        for (place, value) in places {
            let at = place.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(store) = Store::from_bytes(bytes) {
            let _ = crate::Htdemucs::new(&store);
        }
    }

    #[test]
    fn arbitrary_pickles_never_panic(pickle in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = pickle::read(&pickle);
        let _ = checkpoint(&pickle);
        let _ = Store::from_bytes(pickle);
    }
}
