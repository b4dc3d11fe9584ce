use std::io::{Cursor, Write as _};

use proptest::prelude::*;

use dream_core::Seed;

use super::*;
use crate::encode;

const RATE: SampleRate = SampleRate::LIBRARY;

fn decoded(bytes: &[u8]) -> Result<Decoded, Error> {
    decode(Cursor::new(bytes.to_vec()), &Limits::default())
}

/// Two channels of 16-bit steps, different at every frame.
fn steps(frames: usize) -> Vec<[i16; 2]> {
    (0..frames as u64)
        .map(|i| {
            [
                ((i * 7919 % 60_000) as u16).cast_signed(),
                ((i * 104_729 % 50_000) as u16).cast_signed(),
            ]
        })
        .collect()
}

fn little_endian(frames: &[[i16; 2]]) -> Vec<u8> {
    frames.as_flattened().iter().flat_map(|step| step.to_le_bytes()).collect()
}

fn clip(frames: &[[i16; 2]]) -> Clip {
    let channel = |c: usize| -> Vec<f32> {
        frames.iter().map(|frame| f32::from(frame[c]) / 32_768.0).collect()
    };
    Clip::new(RATE, &[&channel(0), &channel(1)])
}

fn fmt(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let block = channels * bits / 8;
    let mut bytes = [tag.to_le_bytes(), channels.to_le_bytes()].concat();
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * u32::from(block)).to_le_bytes());
    bytes.extend([block.to_le_bytes(), bits.to_le_bytes()].concat());
    bytes
}

fn chunk(name: [u8; 4], declared: u32, body: &[u8]) -> Vec<u8> {
    [&name[..], &declared.to_le_bytes(), body].concat()
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    [b"RIFF\xff\xff\xff\x7fWAVE".to_vec(), chunks.concat()].concat()
}

fn wav(frames: &[[i16; 2]]) -> Vec<u8> {
    let data = little_endian(frames);
    riff(&[chunk(*b"fmt ", 16, &fmt(1, 2, 44_100, 16)), chunk(*b"data", data.len() as u32, &data)])
}

#[track_caller]
fn check_exact(bytes: &[u8], expected: &Clip, format: &str) {
    let decoded = decoded(bytes).unwrap();
    assert_eq!(decoded.clip, *expected);
    assert_eq!(decoded.format, format);
    assert_eq!(decoded.warnings, Vec::<String>::new());
    assert!(!decoded.incomplete);
}

#[track_caller]
fn check_error(bytes: &[u8], expected: &str) {
    let error = decoded(bytes).unwrap_err();
    assert_eq!(dream_core::chain(&error), expected);
}

#[test]
fn what_was_encoded_comes_back() {
    let clip = clip(&steps(5_000));
    check_exact(&encode::wav16(&clip, Seed(1)).unwrap(), &clip, "wav 16 bit");
    check_exact(&encode::wav24(&clip, Seed(1)).unwrap(), &clip, "wav 24 bit");
    check_exact(&encode::wav32f(&clip).unwrap(), &clip, "wav float32");
}

#[test]
fn the_64_bit_relatives_of_wav_are_read() {
    let (frames, fmt) = (steps(1_000), fmt(1, 2, 44_100, 16));
    let data = little_endian(&frames);
    let long =
        [28_u64.to_le_bytes(), (data.len() as u64).to_le_bytes(), 0_u64.to_le_bytes()].concat();
    let rf64 = [
        b"RF64\xff\xff\xff\xffWAVE".to_vec(),
        chunk(*b"ds64", 28, &[&long[..], &[0; 4]].concat()),
        chunk(*b"fmt ", 16, &fmt),
        chunk(*b"data", u32::MAX, &data),
    ];
    check_exact(&rf64.concat(), &clip(&frames), "rf64 16 bit");

    let guid = |name: &[u8; 4]| [&name[..], &[0x11; 12]].concat();
    let wide = |name, body: &[u8]| {
        let size = 24 + body.len() as u64;
        let padding = vec![0; (size.next_multiple_of(8) - size) as usize];
        [guid(name), size.to_le_bytes().to_vec(), body.to_vec(), padding].concat()
    };
    let mut head = b"riff\x2e\x91\xcf\x11".to_vec();
    head.resize(40, 0);
    let wave64 = [head, wide(b"junk", &[0; 5]), wide(b"fmt ", &fmt), wide(b"data", &data)];
    check_exact(&wave64.concat(), &clip(&frames), "wave64 16 bit");
}

#[test]
fn au_is_read_in_its_byte_order() {
    let frames = steps(1_000);
    let words = [24_u32, 4_000, 3, 44_100, 2].map(u32::to_be_bytes).concat();
    let data: Vec<u8> = frames.as_flattened().iter().flat_map(|step| step.to_be_bytes()).collect();
    check_exact(&[b".snd".to_vec(), words, data].concat(), &clip(&frames), "au 16 bit");

    // In mu-law, all ones are silence and 0x80 is the positive end.
    let words = [24_u32, u32::MAX, 1, 8_000, 1].map(u32::to_be_bytes).concat();
    let data = [[0xff; 100], [0x80; 100]].concat();
    let decoded = decoded(&[b".snd".to_vec(), words, data].concat()).unwrap();
    assert_eq!(decoded.format, "au mu-law");
    assert!(decoded.clip.channel(0)[50].abs() < 1e-6 && decoded.clip.channel(0)[150] > 0.95);
}

#[test]
fn careless_headers_are_forgiven() {
    let (frames, fmt) = (steps(1_000), fmt(1, 2, 44_100, 16));
    let data = little_endian(&frames);
    let size = data.len() as u32;
    let clip = clip(&frames);
    let with = |list: Vec<u8>, declared| {
        riff(&[list, chunk(*b"fmt ", 16, &fmt), chunk(*b"data", declared, &data)])
    };
    check_exact(&with(chunk(*b"LIST", 3, b"abc"), size), &clip, "wav 16 bit");
    check_exact(&with(chunk(*b"LIST", 3, b"abc\0"), size), &clip, "wav 16 bit");
    check_exact(&with(Vec::new(), 0), &clip, "wav 16 bit");
    check_exact(&with(Vec::new(), u32::MAX), &clip, "wav 16 bit");
    let id3 = b"ID3\x04\0\0\0\0\0\x05.....".to_vec();
    check_exact(&[id3, wav(&frames)].concat(), &clip, "wav 16 bit");
}

#[test]
fn a_cut_file_gives_what_is_there_and_says_so() {
    let bytes = wav(&steps(1_000));
    let decoded = decoded(&bytes[..bytes.len() - 1_602]).unwrap();
    assert_eq!(decoded.clip, clip(&steps(1_000)[..599]));
    assert!(decoded.incomplete);
    assert_eq!(decoded.declared_frames, Some(1_000));
    assert_eq!(decoded.warnings, ["incomplete: 599 of 1000 frames"]);
}

#[test]
fn other_kinds_of_file_are_refused_by_name_and_not_quoted() {
    check_error(b"", "not audio but an empty file");
    check_error(b"root:x:0:0:secret\n", "not audio but text");
    check_error(b"<!DOCTYPE html><html>", "not audio but text");
    check_error(b"\xff\xd8\xff\xe0\0\x10JFIF", "not audio but a JPEG picture");
    check_error(b"PK\x03\x04\x14\0", "not audio but a ZIP archive");
    check_error(b"\x78\x9c\x01\x02", "not audio but zlib data");
    check_error(b"RIFF\0\0\0\0AVI LIST", "not audio but a RIFF file without WAVE audio");
    check_error(&[0; 100], "not audio but data of an unknown kind");
    check_error(b"wvpk\x10\0\0\0\x10\x04", "unsupported codec or container: WavPack");
    check_error(b"\x0b\x77\0\0\0\x40\0\0", "unsupported codec or container: AC-3");
    let page = [b"OggS".to_vec(), vec![0; 24], b"OpusHead".to_vec()].concat();
    check_error(&page, "unsupported codec or container: Opus in Ogg");
    check_error(b"ID3\x04\0\0\x7f\x7f\x7f\x7f", "malformed id3v2: a tag is longer than the file");
}

#[test]
fn impossible_headers_are_refused_with_the_number() {
    let data = chunk(*b"data", 4_000, &[1; 4_000]);
    let with = |fmt: Vec<u8>| riff(&[chunk(*b"fmt ", 16, &fmt), data.clone()]);
    check_error(&with(fmt(1, 2, 1, 16)), "sample rate in Hz is 1, allowed are 4000 to 768000");
    check_error(&with(fmt(1, 2, 0, 16)), "sample rate in Hz is 0, allowed are 4000 to 768000");
    check_error(&with(fmt(1, 0, 44_100, 16)), "number of channels is 0, allowed are 1 to 16");
    check_error(&with(fmt(1, 64, 44_100, 16)), "number of channels is 64, allowed are 1 to 16");
    let bits = "malformed wav: bits per sample and block size do not fit the codec";
    check_error(&with(fmt(1, 2, 44_100, 0)), bits);
    check_error(&with(fmt(1, 2, 44_100, 7)), bits);
    check_error(&with(fmt(0x55, 2, 44_100, 16)), "unsupported codec or container: MP3 in wav");
    check_error(
        &riff(&[chunk(*b"fmt ", 16, &fmt(1, 2, 44_100, 16))]),
        "malformed wav: no data chunk",
    );
    check_error(
        &riff(&[chunk(*b"JUNK", 1 << 31, &[])]),
        "malformed wav: a chunk is longer than the file",
    );
    check_error(&wav(&steps(63)), "too short: 63 frames, need 64");
}

#[test]
fn limits_hold_and_are_named() {
    let bytes = wav(&steps(44_100));
    let refused = |limits: Limits| decode(Cursor::new(&bytes), &limits).unwrap_err().to_string();
    let limits = Limits::default();
    assert_eq!(refused(Limits { max_seconds: 0.5, ..limits }), "too long: 1 s, at most 0 s");
    assert_eq!(
        refused(Limits { max_decoded_bytes: 1_000, ..Limits::default() }),
        "size of the decoded samples in bytes is 352800, allowed are 0 to 1000"
    );
    assert_eq!(
        refused(Limits { max_bytes: 1_000, ..Limits::default() }),
        "file size in bytes is 176444, allowed are 1 to 1000"
    );
    assert_eq!(
        refused(Limits { max_packets: 3, ..Limits::default() }),
        "number of packets is 3, allowed are 1 to 3"
    );
    assert_eq!(
        refused(Limits { max_cpu_seconds: 0.0, ..Limits::default() }),
        "decoding took more than 0 s of processor time"
    );
}

#[test]
fn samples_that_are_no_numbers_become_zero_and_are_counted() {
    let mut samples = vec![0.25_f32; 1_000];
    samples[10] = f32::NAN;
    samples[20] = f32::NEG_INFINITY;
    samples[30] = f32::MIN_POSITIVE / 2.0;
    samples[40] = 8.0;
    let decoded = decoded(&encode::wav32f(&Clip::mono(RATE, samples)).unwrap()).unwrap();
    let found = decoded.clip.channel(0);
    let repaired = [found[10], found[20], found[30], found[40]].map(f32::to_bits);
    assert_eq!(repaired, [0.0, 0.0, 0.0, 8.0_f32].map(f32::to_bits));
    assert_eq!(decoded.non_finite, 2);
    assert_eq!(decoded.warnings, ["2 samples were not finite and are zero"]);
}

#[test]
fn absurd_levels_come_down_to_full_scale() {
    let mut samples = vec![0.5_f32; 1_000];
    samples[10] = 1e30;
    let decoded = decoded(&encode::wav32f(&Clip::mono(RATE, samples)).unwrap()).unwrap();
    assert!((decoded.clip.peak() - 1.0).abs() < 1e-6);
    assert_eq!(decoded.warnings.len(), 2);
}

#[test]
fn only_regular_files_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits::default();
    let error = decode_file(folder.path(), &limits).unwrap_err();
    assert_eq!(error.to_string(), "not a regular file but a folder");
    assert!(matches!(decode_file(&folder.path().join("absent"), &limits), Err(Error::Io(_))));
    let error = decode_file(Path::new("/dev/null"), &limits).unwrap_err();
    assert_eq!(error.to_string(), "not a regular file but a device, pipe or socket");
}

#[test]
fn flac_is_exact() {
    let frames = steps(10_000);
    check_exact(&flac(&frames), &clip(&frames), "flac 16 bit");
}

#[test]
fn a_damaged_stretch_of_flac_is_silent_and_what_follows_keeps_its_time() {
    let frames = steps(20_480);
    let mut bytes = flac(&frames);
    let middle = bytes.len() / 2;
    bytes[middle..middle + 100].fill(0xaa);
    let decoded = decoded(&bytes).unwrap();
    assert_eq!(decoded.clip.len(), frames.len());
    assert!(decoded.incomplete);
    let expected = clip(&frames);
    let (got, expected) = (decoded.clip.channel(0), expected.channel(0));
    assert_eq!(got[..4_096], expected[..4_096]);
    assert_eq!(got[16_384..], expected[16_384..]);
    assert!(got[4_096..16_384].chunks(4_096).any(|block| block.iter().all(|s| *s == 0.0)));
}

#[test]
fn an_edit_list_states_delay_and_length() {
    let boxed = |name: &[u8; 4], body: &[u8]| {
        [&(8 + body.len() as u32).to_be_bytes()[..], name, body].concat()
    };
    let words =
        |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let mdhd = boxed(b"mdhd", &words(&[0, 0, 0, 44_100, 303_424, 0]));
    let hdlr = boxed(b"hdlr", &[&words(&[0, 0])[..], b"soun", &[0; 12]].concat());
    let elst = boxed(b"elst", &words(&[0, 2, 100, u32::MAX, 1 << 16, 6_857, 1_024, 1 << 16]));
    let trak =
        boxed(b"trak", &[boxed(b"edts", &elst), boxed(b"mdia", &[mdhd, hdlr].concat())].concat());
    let file = [boxed(b"ftyp", b"M4A "), boxed(b"moov", &trak)].concat();
    let len = file.len() as u64;
    let presented = mp4::presented(&mut Cursor::new(file), len).unwrap();
    assert_eq!(presented, Some(mp4::Presented { delay: 1_024, frames: Some(302_400) }));
}

#[test]
fn frames_inside_a_trailing_tag_are_no_audio() {
    // MPEG-2 layer III, 8 kbit/s, 24 kHz: 24 bytes each, five of them in an ID3v1 tag.
    let frame = [vec![0xff, 0xf3, 0x14, 0xc4], vec![0; 20]].concat();
    let file = [b"TAG".to_vec(), frame.repeat(5), vec![0; 5]].concat();
    assert_eq!(file.len(), 128);
    let error = decoded(&file).unwrap_err();
    assert!(matches!(error, Error::Malformed { .. } | Error::TooShort { .. }), "{error}");
}

/// A FLAC file of uncompressed (verbatim) frames of 4096.
fn flac(frames: &[[i16; 2]]) -> Vec<u8> {
    let mut bytes = b"fLaC\x80\0\0\x22\x10\0\x10\0\0\0\0\0\0\0".to_vec();
    let layout = 44_100_u64 << 44 | 1 << 41 | 15 << 36 | frames.len() as u64;
    bytes.extend(layout.to_be_bytes());
    bytes.extend([0; 16]); // no checksum of the samples
    for (number, block) in frames.chunks(4_096).enumerate() {
        let mut frame = vec![0xff, 0xf8, 0x79, 0x18, number as u8]; // 16-bit size, 44.1 kHz, stereo, 16 bit
        frame.extend((block.len() as u16 - 1).to_be_bytes());
        frame.push(crc(&frame, 0x07, 8) as u8);
        for c in 0..2 {
            frame.push(2); // verbatim
            frame.extend(block.iter().flat_map(|frame| frame[c].to_be_bytes()));
        }
        frame.extend(crc(&frame, 0x8005, 16).to_be_bytes());
        bytes.extend(frame);
    }
    bytes
}

fn crc(bytes: &[u8], polynomial: u32, width: u32) -> u16 {
    let top = 1 << (width - 1);
    let crc = bytes.iter().fold(0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << (width - 8), |crc, _| {
            crc << 1 ^ if crc & top == 0 { 0 } else { polynomial }
        })
    });
    (crc & ((1 << width) - 1)) as u16
}

/// Files that start validly and then go anywhere.
fn heads() -> Vec<Vec<u8>> {
    let mpeg: Vec<u8> = [[0xff, 0xfb, 0x90, 0x64].to_vec(), vec![0x55; 413]].concat().repeat(6);
    let adts: Vec<u8> =
        [[0xff, 0xf1, 0x50, 0x80, 0x10, 0x1f, 0xfc].to_vec(), vec![0x21; 121]].concat().repeat(6);
    let aiff = b"FORM\0\0\x10\x00AIFFCOMM\0\0\0\x12\0\x02\0\0\x01\0\0\x10\x40\x0e\xac\x44\0\0\0\0\0\0SSND\0\0\x08\0\0\0\0\0\0\0\0\0";
    let mp4 = b"\0\0\0\x14ftypM4A \0\0\x02\0isom\0\0\x10\0moov\0\0\0\x6cmvhd";
    let ogg = b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\x1e\x01vorbis\0\0\0\0\x02\x44\xac\0\0";
    let caf = b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20\x40\xe5\x88\x80\0\0\0\0lpcm\0\0\0\0\0\0\0\x04\0\0\0\x01\0\0\0\x02\0\0\0\x10";
    let mkv = b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska\x42\x87\x81\x04\x42\x85\x81\x02\x18\x53\x80\x67\x01\xff";
    vec![
        wav(&steps(300)),
        flac(&steps(300)),
        mpeg,
        adts,
        aiff.to_vec(),
        mp4.to_vec(),
        ogg.to_vec(),
        caf.to_vec(),
        mkv.to_vec(),
        b".snd\0\0\0\x18\xff\xff\xff\xff\0\0\0\x03\0\0\xac\x44\0\0\0\x02".to_vec(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decoders_survive_arbitrary_bytes(
        head in prop::sample::select(heads()),
        keep in 0.0..=1.0_f64,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        tail in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let mut bytes = head;
        bytes.truncate((bytes.len() as f64 * keep.sqrt()).ceil() as usize);
        bytes.extend(tail);
        for (at, value) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
        }
        if let Ok(decoded) = decoded(&bytes) {
            prop_assert!(decoded.clip.samples().iter().all(|sample| sample.is_finite()));
            prop_assert!(decoded.clip.len() >= 64);
        }
    }
}

/// The pieces of a file are what decoding it in one gives.
#[track_caller]
fn check_pieces(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let whole = decode_file(file.path(), &Limits::default()).unwrap();
    let mut channels = vec![Vec::new(); whole.clip.channels()];
    let mut pieces = 0;
    let played = decode_pieces(file.path(), &Limits::default(), |piece| {
        pieces += 1;
        for (all, piece) in channels.iter_mut().zip(piece.iter_channels()) {
            all.extend_from_slice(piece);
        }
        Ok::<_, Error>(())
    })
    .unwrap();
    channels.iter_mut().flatten().for_each(|x| *x *= played.gain);
    let channels: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
    assert!(Clip::new(played.rate, &channels) == whole.clip);
    assert!(pieces > 1 || whole.clip.len() < 1 << 17);
    assert_eq!((played.format, played.warnings), (whole.format, whole.warnings));
    assert_eq!((played.frames, played.incomplete), (whole.clip.frames(), whole.incomplete));
}

#[test]
fn pieces_are_the_whole() {
    let wave = |frames: u32, gain: f32| -> Vec<f32> {
        (0..frames).map(|i| gain * (i as f32 * 0.01).sin()).collect()
    };
    let clip = |gain| {
        let (left, right) = (wave(400_000, gain), wave(400_000, gain / 2.0));
        Clip::new(SampleRate(48_000), &[&left, &right])
    };
    let wav = |clip: &Clip| crate::encode::wav32f(clip).unwrap();
    check_pieces(&wav(&clip(0.5)));
    check_pieces(&wav(&clip(1000.0)));
    let mut broken = clip(0.5);
    broken.samples_mut()[300_000] = f32::NAN;
    check_pieces(&wav(&broken));
    check_pieces(&wav(&clip(0.5))[..2_000_000]);
    check_pieces(&wav(&Clip::mono(SampleRate(8_000), wave(100, 0.1))));
    let mut flac = Vec::new();
    crate::encode::write_flac(&mut flac, &clip(0.5), crate::encode::Bits::Int16, Seed(1)).unwrap();
    check_pieces(&flac);
}
