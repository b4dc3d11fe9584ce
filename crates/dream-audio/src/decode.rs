//! Bytes to samples, from files that nobody vouches for.
//!
//! The content decides what a file is, not its name. Everything is bounded: bytes read, samples kept, packets,
//! processor time; a panic of a decoder is an error of the file. What was lost or repaired is said in
//! `Decoded::warnings`; after this door every sample is finite.
//!
//! Formats: WAV (PCM, float, A-law, mu-law, MS and IMA ADPCM), RF64, Wave64, AU, AIFF and AIFF-C, CAF, FLAC, Ogg
//! (Vorbis, FLAC), MP1, MP2, MP3, AAC-LC (MP4, ADTS), ALAC, Matroska with these codecs. Other audio is refused by name.
//!
//! Timing: encoder delay and padding are removed where the file states them (LAME tag, Ogg granules, MP4 edit
//! list, `iTunSMPB`), so that onsets stay where they were before encoding. Without a statement the usual delay is
//! assumed, 1024 frames for AAC and 1105 for MP3, and a warning says so. Missing stretches of a FLAC file and
//! packets that cannot be decoded become silence of their length.
//!
//! Memory: the decoded samples about once, at most `Limits::max_decoded_bytes`, and a few blocks.

mod downmix;
mod mp4;
mod pieces;
mod sniff;
mod source;
mod stream;
mod wave;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use symphonia::core::codecs::audio::well_known as codec;

use dream_core::{Frames, SampleRate};

use crate::{Clip, Error};
pub use downmix::downmix;
pub use pieces::{Played, decode_pieces};
use sniff::Container;
use source::{CpuBudget, Source};
use stream::Stream;

/// What a file may ask for. Every one of these is named in the error that it causes.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Size of the file in bytes; 2 GiB by default.
    pub max_bytes: u64,
    /// Length in seconds; 1800 by default.
    pub max_seconds: f64,
    /// Size of the decoded samples in memory; 512 MiB by default (25 minutes of CD stereo).
    pub max_decoded_bytes: u64,
    /// Fewest frames that are worth keeping; 64 by default.
    pub min_frames: u64,
    /// Channels; 16 by default.
    pub max_channels: u64,
    /// Lowest sample rate in Hz; 4000 by default.
    pub min_rate: u32,
    /// Highest sample rate in Hz; 768 000 by default.
    pub max_rate: u32,
    /// Packets of the container; 4 million by default.
    pub max_packets: u64,
    /// Processor time of this thread in seconds; 60 by default.
    pub max_cpu_seconds: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 2 << 30,
            max_seconds: 1800.0,
            max_decoded_bytes: 512 << 20,
            min_frames: 64,
            max_channels: 16,
            min_rate: 4_000,
            max_rate: 768_000,
            max_packets: 4_000_000,
            max_cpu_seconds: 60.0,
        }
    }
}

impl Limits {
    fn check_bytes(&self, got: u64) -> Result<(), Error> {
        within("file size in bytes", got, 1, self.max_bytes)
    }

    fn check_rate(&self, rate: u32) -> Result<(), Error> {
        let (min, max) = (u64::from(self.min_rate), u64::from(self.max_rate));
        within("sample rate in Hz", u64::from(rate), min, max)
    }

    fn check_channels(&self, channels: usize) -> Result<(), Error> {
        within("number of channels", channels as u64, 1, self.max_channels)
    }

    fn check_length(&self, frames: u64, rate: SampleRate, channels: usize) -> Result<(), Error> {
        let got_s = Frames(frames).seconds(rate);
        if got_s > self.max_seconds {
            return Err(Error::TooLong { got_s, limit_s: self.max_seconds });
        }
        let bytes = frames.saturating_mul(4 * channels as u64);
        within("size of the decoded samples in bytes", bytes, 0, self.max_decoded_bytes)
    }
}

fn within(what: &'static str, got: u64, min: u64, max: u64) -> Result<(), Error> {
    if (min..=max).contains(&got) {
        Ok(())
    } else {
        Err(Error::LimitExceeded { what, got, min, max })
    }
}

/// Audio from a file, and what became of it on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The audio at its own rate, with all its channels; every sample finite.
    pub clip: Clip,
    /// Container, codec and detail: `wav 16 bit`, `mp3 128 kbit/s`.
    pub format: String,
    /// What was lost, repaired or assumed, as phrases.
    pub warnings: Vec<String>,
    /// Whether there is less audio than the file promises, or part of it could not be decoded.
    pub incomplete: bool,
    /// Samples that were NaN or infinite and are now zero.
    pub non_finite: u64,
    /// Frames the header promises, where it does.
    pub declared_frames: Option<u64>,
}

/// Decodes the regular file at `path`, symbolic links followed.
///
/// # Errors
/// Whatever `decode` returns; `NotAFile` for folders, devices, pipes and sockets; `Io` if it cannot be opened.
pub fn decode_file(path: &Path, limits: &Limits) -> Result<Decoded, Error> {
    regular(path)?;
    decode(File::open(path)?, limits)
}

/// Asked before opening, since opening a pipe waits for a writer.
fn regular(path: &Path) -> Result<(), Error> {
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(Error::NotAFile { kind: "a folder" });
    }
    if !metadata.is_file() {
        return Err(Error::NotAFile { kind: "a device, pipe or socket" });
    }
    Ok(())
}

/// Decodes a whole file given as a readable, seekable source: `Cursor::new(bytes)` for bytes in memory.
///
/// # Errors
/// `NotAudio`, `Unsupported`, `Malformed` for what the content is; `TooShort`, `TooLong`, `LimitExceeded`, `CpuTime`
/// for what it asks; `Panicked` if a decoder fails on it; `Io` if reading fails.
pub fn decode(
    mut source: impl Read + Seek + Send + Sync,
    limits: &Limits,
) -> Result<Decoded, Error> {
    // The source is not used again after a panic, so nothing half-done can be seen.
    catch_unwind(AssertUnwindSafe(|| guarded(&mut source, limits))).unwrap_or(Err(Error::Panicked))
}

fn guarded(file: &mut (impl Read + Seek + Send + Sync), limits: &Limits) -> Result<Decoded, Error> {
    let mut keep = |_: &mut Stream, _: &Plan| Ok::<_, Error>(());
    let (stream, plan) = run(file, limits, &mut keep)?;
    let mut warnings = Vec::new();
    let span = plan.span(&stream, &mut warnings);
    let declared_frames = plan.declared.or(stream.declared_frames);
    finish(stream, plan.container, span, declared_frames, limits, warnings)
}

/// What a container says before its audio is read.
struct Plan {
    container: Container,
    presented: Option<mp4::Presented>,
    declared: Option<u64>,
}

impl Plan {
    /// The frames of the stream that are the audio: from, to.
    fn span(&self, stream: &Stream, warnings: &mut Vec<String>) -> (u64, u64) {
        span(stream, self.container, self.presented, self.declared, warnings)
    }
}

/// Reads a file to its end; `full` may take the blocks away as they come.
fn run<E: From<Error>>(
    file: &mut (impl Read + Seek + Send + Sync),
    limits: &Limits,
    full: &mut impl FnMut(&mut Stream, &Plan) -> Result<(), E>,
) -> Result<(Stream, Plan), E> {
    let len = file.seek(SeekFrom::End(0)).map_err(Error::from)?;
    if len == 0 {
        return Err(Error::NotAudio { looks_like: "an empty file" }.into());
    }
    limits.check_bytes(len)?;
    let cpu = CpuBudget::starting_now(limits.max_cpu_seconds);
    let (container, start) = sniff::sniff(file, len)?;
    let (head, body, declared) = match container {
        Container::Wave | Container::Rf64 | Container::Wave64 => {
            let plain = wave::wave(file, container, start, len, limits)?;
            (plain.head, plain.data, plain.declared_frames)
        }
        Container::Au => {
            let plain = wave::au(file, start, len, limits)?;
            (plain.head, plain.data, plain.declared_frames)
        }
        Container::Mpeg | Container::Adts => {
            let end = len - sniff::tail(file, len).map_err(Error::from)?;
            (Vec::new(), start..end.max(start), None)
        }
        _ => (Vec::new(), start..len, None),
    };
    let presented = match container {
        Container::Mp4 => mp4::presented(file, len).map_err(Error::from)?,
        _ => None,
    };
    let rewritten = head.first_chunk::<4>().copied();
    let source = Box::new(Source::new(&mut *file, head, body, cpu));
    // Headers written anew are plain RIFF, where they are not CAF.
    let demuxer = if rewritten == Some(*b"RIFF") { Container::Wave } else { container };
    let reader = stream::open(source, demuxer);
    let plan = Plan { container, presented, declared };
    let stream = stream::read(reader, container, limits, cpu, |stream| full(stream, &plan))?;
    Ok((stream, plan))
}

/// The frames of the stream that are the audio: from, to.
fn span(
    stream: &Stream,
    container: Container,
    presented: Option<mp4::Presented>,
    declared: Option<u64>,
    warnings: &mut Vec<String>,
) -> (u64, u64) {
    /// One overlap of the AAC-LC transform: the least delay an encoder can have.
    const AAC_DELAY: u64 = 1024;
    /// 576 frames of the usual encoder and 529 of every decoder.
    const MP3_DELAY: u64 = 576 + 529;
    /// The polyphase filter bank of layers I and II, there and back.
    const FILTER_BANK_DELAY: u64 = 481;

    if let Some(presented) = presented {
        let end =
            presented.frames.map_or(u64::MAX, |frames| presented.delay.saturating_add(frames));
        return (presented.delay, end);
    }
    let assumed = match stream.codec {
        codec::CODEC_ID_AAC => AAC_DELAY,
        codec::CODEC_ID_MP3 if !stream.states_delay => MP3_DELAY,
        codec::CODEC_ID_MP1 | codec::CODEC_ID_MP2 => return (FILTER_BANK_DELAY, u64::MAX),
        _ => {
            // What follows the last frame a lossless file promises is another file or garbage.
            let flac = stream.declared_frames.filter(|_| container == Container::Flac);
            return (0, declared.or(flac).unwrap_or(u64::MAX));
        }
    };
    warnings.push(format!("encoder delay not stated, {assumed} frames assumed"));
    (assumed, u64::MAX)
}

fn finish(
    stream: Stream,
    container: Container,
    (from, to): (u64, u64),
    declared_frames: Option<u64>,
    limits: &Limits,
    mut warnings: Vec<String>,
) -> Result<Decoded, Error> {
    let format = describe(&stream, container);
    let incomplete =
        review(&stream, container, (from, to), declared_frames, limits, &mut warnings)?;
    let mut clip = stream.blocks.into_clip(stream.rate, from, to);
    let non_finite = sanitise(&mut clip, &mut warnings);
    Ok(Decoded { clip, format, warnings, incomplete, non_finite, declared_frames })
}

/// Says what was lost; whether anything was.
fn review(
    stream: &Stream,
    container: Container,
    (from, to): (u64, u64),
    declared_frames: Option<u64>,
    limits: &Limits,
    warnings: &mut Vec<String>,
) -> Result<bool, Error> {
    let all = stream.blocks.frames;
    let mut incomplete = false;
    if let Some(reason) = stream.broken {
        warnings.push(reason.to_owned());
        incomplete = true;
    }
    if stream.damaged > 0 {
        warnings.push(format!("{} packets could not be decoded", stream.damaged));
        incomplete = true;
    }
    if stream.filled > 0 {
        warnings.push(format!("{} missing frames are silence", stream.filled));
        incomplete = true;
    }
    let need = Frames(limits.min_frames);
    let got = Frames(to.min(all).saturating_sub(from));
    if got < need || stream.channels == 0 {
        return Err(Error::TooShort { got, need });
    }
    // These count their last packet in full, padding and all.
    let slack = match container {
        Container::Caf | Container::Mp4 | Container::Matroska => 8192,
        _ => 0,
    };
    if let Some(declared) = declared_frames.filter(|declared| *declared > all + slack) {
        warnings.push(format!("incomplete: {all} of {declared} frames"));
        incomplete = true;
    }
    Ok(incomplete)
}

fn describe(stream: &Stream, container: Container) -> String {
    let name = stream::codec_name(stream.codec, container);
    let lossy = ["mp1", "mp2", "mp3", "vorbis", "aac"].iter().any(|codec| name.ends_with(codec));
    if lossy {
        let seconds = Frames(stream.blocks.frames).seconds(stream.rate).max(1e-3);
        let kbits = stream.packet_bytes as f64 * 8e-3 / seconds;
        return format!("{name} {kbits:.0} kbit/s");
    }
    let whole = !name.ends_with("adpcm") && !name.contains("float") && !name.ends_with("-law");
    match stream.bits {
        Some(bits) if whole && bits > 0 => format!("{name} {bits} bit"),
        _ => name,
    }
}

/// Zeroes what is not finite and what is denormal, brings absurd levels down; counts the non-finite.
fn sanitise(clip: &mut Clip, warnings: &mut Vec<String>) -> u64 {
    let (non_finite, absurd) = zero(clip);
    report(non_finite, absurd, warnings);
    let peak = clip.peak();
    if peak > MISSCALED {
        warnings.push(misscaled(peak));
        clip.scale(peak.recip());
    }
    non_finite
}

/// Above this (+36 dB over full scale) audio is taken to be scaled wrongly.
const MISSCALED: f32 = 64.0;

fn misscaled(peak: f32) -> String {
    format!("peak of {:.0} dB over full scale brought to 0 dB", 20.0 * peak.log10())
}

fn report(non_finite: u64, absurd: u64, warnings: &mut Vec<String>) {
    if non_finite > 0 {
        warnings.push(format!("{non_finite} samples were not finite and are zero"));
    }
    if absurd > 0 {
        warnings.push(format!("{absurd} samples were beyond any scale and are clipped"));
    }
}

/// Zeroes what is not finite and what is denormal, clips what is beyond any scale; counts the first and the last.
fn zero(clip: &mut Clip) -> (u64, u64) {
    /// Above this a sample is not sound in any scaling: 24-bit integers stored as floats stay below it.
    const ABSURD: f32 = 16_777_216.0;

    let (mut non_finite, mut absurd) = (0, 0);
    for sample in clip.samples_mut() {
        if !sample.is_finite() {
            *sample = 0.0;
            non_finite += 1;
        } else if sample.is_subnormal() {
            *sample = 0.0;
        } else if sample.abs() > ABSURD {
            *sample = ABSURD.copysign(*sample);
            absurd += 1;
        }
    }
    (non_finite, absurd)
}

#[cfg(test)]
mod tests;
