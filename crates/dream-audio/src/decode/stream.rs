//! From an opened container to samples: the packet loop and its budgets.

use symphonia::core::audio::{Channels, GenericAudioBufferRef};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known as codec;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, AudioDecoderOptions};
use symphonia::core::errors::Error as Symphonia;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions};
use symphonia::default::{formats, get_codecs};

use dream_core::{Frames, SampleRate};

use super::sniff::Container;
use super::source::CpuBudget;
use super::{Limits, within};
use crate::{Clip, Error};

/// Samples as they come, before trimming.
pub(super) struct Stream {
    pub(super) rate: SampleRate,
    pub(super) channels: usize,
    pub(super) blocks: Blocks,
    pub(super) codec: AudioCodecId,
    pub(super) bits: Option<u32>,
    pub(super) packet_bytes: u64,
    pub(super) declared_frames: Option<u64>,
    /// Whether the container states the encoder's delay (which has then been removed).
    pub(super) states_delay: bool,
    /// Packets that could not be decoded.
    pub(super) damaged: u64,
    /// Frames of silence put where frames are missing.
    pub(super) filled: u64,
    /// Why the stream ended before its end, if it did.
    pub(super) broken: Option<&'static str>,
}

/// Decodes the audio track of `reader` to its end, to the first unrecoverable error or to a limit. `full` is called when
/// a block is full, and may take it away.
pub(super) fn read<E: From<Error>>(
    reader: Result<Box<dyn FormatReader + '_>, Symphonia>,
    container: Container,
    limits: &Limits,
    cpu: CpuBudget,
    mut full: impl FnMut(&mut Stream) -> Result<(), E>,
) -> Result<Stream, E> {
    let failure = |error: Symphonia| {
        if cpu.is_spent() {
            return Error::CpuTime { limit_s: limits.max_cpu_seconds };
        }
        translate(error, container)
    };
    let mut reader = reader.map_err(failure)?;
    let track = audio_track(&*reader)?;
    let Some(CodecParameters::Audio(params)) = &track.codec_params else {
        let codec = format!("unknown codec in {}", container.name());
        return Err(Error::Unsupported { codec }.into());
    };
    check_header(&track, params, limits)?;
    let options = AudioDecoderOptions::default();
    let mut decoder = get_codecs()
        .make_audio_decoder(params, &options)
        .map_err(|error| unsupported(&error, params.codec, container))?;
    let mut stream = Stream {
        rate: SampleRate(params.sample_rate.unwrap_or(0)),
        channels: 0,
        blocks: Blocks::default(),
        codec: params.codec,
        bits: params.bits_per_coded_sample.or(params.bits_per_sample),
        packet_bytes: 0,
        declared_frames: track.num_frames,
        states_delay: track.delay.is_some(),
        damaged: 0,
        filled: 0,
        broken: None,
    };
    for packets in 0.. {
        if packets >= limits.max_packets {
            return Err(Error::LimitExceeded {
                what: "number of packets",
                got: packets,
                min: 1,
                max: limits.max_packets,
            }
            .into());
        }
        if cpu.is_spent() {
            return Err(Error::CpuTime { limit_s: limits.max_cpu_seconds }.into());
        }
        let packet = match reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(Symphonia::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                stream.broken = Some("the file is cut");
                break;
            }
            Err(Symphonia::ResetRequired) => {
                stream.broken = Some("another stream follows and was left out");
                break;
            }
            Err(_) if cpu.is_spent() => {
                return Err(Error::CpuTime { limit_s: limits.max_cpu_seconds }.into());
            }
            Err(_) => {
                stream.broken = Some("the container is damaged");
                break;
            }
        };
        if packet.track_id != track.id {
            continue;
        }
        stream.packet_bytes += packet.data.len() as u64;
        if container == Container::Flac {
            stream.fill_gap(packet.pts.get(), limits)?;
        }
        match decoder.decode(&packet) {
            Ok(buffer) => stream.push(&buffer, limits)?,
            Err(Symphonia::DecodeError(_) | Symphonia::IoError(_)) => {
                stream.damaged += 1;
                stream.fill(packet.dur.get(), limits)?;
            }
            Err(Symphonia::ResetRequired) => {
                stream.broken = Some("the stream changes its layout");
                break;
            }
            Err(error) => return Err(failure(error).into()),
        }
        if !stream.blocks.full.is_empty() {
            full(&mut stream)?;
        }
    }
    stream.bits = stream.bits.or(decoder.codec_params().bits_per_sample);
    Ok(stream)
}

impl Stream {
    fn push(&mut self, buffer: &GenericAudioBufferRef<'_>, limits: &Limits) -> Result<(), Error> {
        let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
        if buffer.frames() == 0 {
            return Ok(());
        }
        if self.channels == 0 {
            limits.check_rate(rate)?;
            limits.check_channels(channels)?;
            self.rate = SampleRate(rate);
            self.channels = channels;
            self.blocks.channels = channels;
        }
        if (SampleRate(rate), channels) != (self.rate, self.channels) {
            self.damaged += 1;
            return Ok(());
        }
        let frames = self.blocks.frames + buffer.frames() as u64;
        limits.check_length(frames, self.rate, channels)?;
        self.blocks.push(buffer);
        Ok(())
    }

    /// FLAC frames carry their position; where one jumps ahead, frames are missing before it.
    fn fill_gap(&mut self, position: i64, limits: &Limits) -> Result<(), Error> {
        let missing = u64::try_from(position).unwrap_or(0).saturating_sub(self.blocks.frames);
        let within = self.declared_frames.is_some_and(|all| self.blocks.frames + missing <= all);
        if within { self.fill(missing, limits) } else { Ok(()) }
    }

    /// Silence in place of lost frames keeps what follows at its time, up to a second at once.
    fn fill(&mut self, frames: u64, limits: &Limits) -> Result<(), Error> {
        let frames = frames.min(u64::from(self.rate.0));
        if self.channels > 0 && frames > 0 {
            limits.check_length(self.blocks.frames + frames, self.rate, self.channels)?;
            self.blocks.silence(frames as usize);
            self.filled += frames;
        }
        Ok(())
    }
}

/// Reads the header.
pub(super) fn open<'s>(
    source: Box<dyn MediaSource + 's>,
    container: Container,
) -> Result<Box<dyn FormatReader + 's>, Symphonia> {
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    let options = FormatOptions::default();
    Ok(match container {
        Container::Wave | Container::Rf64 | Container::Wave64 => {
            Box::new(formats::WavReader::try_new(stream, options)?)
        }
        Container::Au | Container::Caf => Box::new(formats::CafReader::try_new(stream, options)?),
        Container::Aiff => Box::new(formats::AiffReader::try_new(stream, options)?),
        Container::Flac => Box::new(formats::FlacReader::try_new(stream, options)?),
        Container::Ogg => Box::new(formats::OggReader::try_new(stream, options)?),
        Container::Mpeg => Box::new(formats::MpaReader::try_new(stream, options)?),
        Container::Adts => Box::new(formats::AdtsReader::try_new(stream, options)?),
        Container::Mp4 => Box::new(formats::IsoMp4Reader::try_new(stream, options)?),
        Container::Matroska => Box::new(formats::MkvReader::try_new(stream, options)?),
    })
}

fn audio_track(reader: &dyn FormatReader) -> Result<Track, Error> {
    let track = reader
        .default_track(TrackType::Audio)
        .or_else(|| reader.first_track(TrackType::Audio))
        .or_else(|| reader.tracks().iter().find(|track| track.codec_params.is_none()));
    track.cloned().ok_or(Error::NotAudio { looks_like: "a file without an audio track" })
}

fn check_header(
    track: &Track,
    params: &AudioCodecParameters,
    limits: &Limits,
) -> Result<(), Error> {
    /// Decoders set memory aside for a packet; the largest real ones hold 65 536 frames.
    const MAX_PACKET: u64 = 1 << 20;
    let packet = params.max_frames_per_packet.unwrap_or(0);
    within("frames per packet", packet, 0, MAX_PACKET)?;
    let channels = params.channels.as_ref().map(Channels::count);
    if let Some(rate) = params.sample_rate {
        limits.check_rate(rate)?;
        if let Some(frames) = track.num_frames {
            limits.check_length(frames, SampleRate(rate), channels.unwrap_or(1))?;
        }
    }
    channels.map_or(Ok(()), |channels| limits.check_channels(channels))
}

fn unsupported(error: &Symphonia, codec: AudioCodecId, container: Container) -> Error {
    let name = codec_name(codec, container);
    match error {
        Symphonia::Unsupported(what) if !what.starts_with("core (codec)") => {
            Error::Unsupported { codec: format!("{name} ({what})") }
        }
        _ => Error::Unsupported { codec: name },
    }
}

fn translate(error: Symphonia, container: Container) -> Error {
    let format = container.name();
    match error {
        Symphonia::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::Malformed { format, reason: "the file ends inside its header" }
        }
        Symphonia::IoError(error) => Error::Io(error),
        Symphonia::DecodeError(reason) | Symphonia::LimitError(reason) => {
            Error::Malformed { format, reason }
        }
        Symphonia::Unsupported(what) => Error::Unsupported { codec: format!("{format} ({what})") },
        Symphonia::SeekError(_) => {
            Error::Malformed { format, reason: "a position is out of range" }
        }
        _ => Error::Malformed { format, reason: "the stream cannot be followed" },
    }
}

/// The codec's usual name, with its container.
pub(super) fn codec_name(id: AudioCodecId, container: Container) -> String {
    let name = match id {
        codec::CODEC_ID_OPUS => "Opus",
        codec::CODEC_ID_SPEEX => "Speex",
        codec::CODEC_ID_VORBIS => "vorbis",
        codec::CODEC_ID_MP1 => "mp1",
        codec::CODEC_ID_MP2 => "mp2",
        codec::CODEC_ID_MP3 => "mp3",
        codec::CODEC_ID_AAC => "aac",
        codec::CODEC_ID_AC3 => "AC-3",
        codec::CODEC_ID_EAC3 => "E-AC-3",
        codec::CODEC_ID_DCA => "DTS",
        codec::CODEC_ID_ALAC => "alac",
        codec::CODEC_ID_FLAC => "flac",
        codec::CODEC_ID_WAVPACK => "WavPack",
        codec::CODEC_ID_ADPCM_MS => "ms adpcm",
        codec::CODEC_ID_ADPCM_IMA_WAV | codec::CODEC_ID_ADPCM_IMA_QT => "ima adpcm",
        codec::CODEC_ID_PCM_ALAW => "a-law",
        codec::CODEC_ID_PCM_MULAW => "mu-law",
        codec::CODEC_ID_PCM_F32LE | codec::CODEC_ID_PCM_F32BE => "float32",
        codec::CODEC_ID_PCM_F64LE | codec::CODEC_ID_PCM_F64BE => "float64",
        _ => "",
    };
    match (container, name) {
        (Container::Mpeg | Container::Flac, name) => name.to_owned(),
        (container, "") => container.name().to_owned(),
        (container, name) => format!("{} {name}", container.name()),
    }
}

/// Decoded frames in large planar blocks, so that memory holds the audio about once.
#[derive(Default)]
pub(super) struct Blocks {
    channels: usize,
    pub(super) frames: u64,
    full: Vec<Vec<Vec<f32>>>,
    open: Vec<Vec<f32>>,
    packet: Vec<Vec<f32>>,
}

impl Blocks {
    const FRAMES: usize = 1 << 17;

    fn push(&mut self, buffer: &GenericAudioBufferRef<'_>) {
        buffer.copy_to_vecs_planar(&mut self.packet);
        self.open.resize(self.channels, Vec::new());
        for (open, packet) in self.open.iter_mut().zip(&self.packet) {
            if open.capacity() == 0 {
                open.reserve_exact(packet.len());
            }
            open.extend_from_slice(packet);
        }
        self.advance(buffer.frames());
    }

    fn silence(&mut self, frames: usize) {
        self.open.resize(self.channels, Vec::new());
        for open in &mut self.open {
            open.resize(open.len() + frames, 0.0);
        }
        self.advance(frames);
    }

    fn advance(&mut self, frames: usize) {
        self.frames += frames as u64;
        if self.open.first().is_some_and(|open| open.len() >= Self::FRAMES) {
            self.full.push(std::mem::take(&mut self.open));
        }
    }

    /// Takes out the blocks that are full, with all but the last packets: as clips, each with the frame it begins at.
    pub(super) fn take_full(&mut self, rate: SampleRate) -> Vec<(u64, Clip)> {
        let len = |block: &Vec<Vec<f32>>| block.first().map_or(0, Vec::len) as u64;
        let open = self.open.first().map_or(0, Vec::len) as u64;
        let mut at = self.frames - open - self.full.iter().map(len).sum::<u64>();
        let blocks = std::mem::take(&mut self.full).into_iter();
        blocks
            .map(|block| {
                let start = at;
                at += len(&block);
                let channels: Vec<&[f32]> = block.iter().map(Vec::as_slice).collect();
                (start, Clip::new(rate, &channels))
            })
            .collect()
    }

    /// The same of what is left at the end.
    pub(super) fn take_rest(&mut self, rate: SampleRate) -> Vec<(u64, Clip)> {
        let open = std::mem::take(&mut self.open);
        if open.first().is_some_and(|channel| !channel.is_empty()) {
            self.full.push(open);
        }
        self.take_full(rate)
    }

    /// Frames `from` to `to` as a clip; blocks are freed as they are copied.
    pub(super) fn into_clip(mut self, rate: SampleRate, from: u64, to: u64) -> Clip {
        let (from, to) = (from.min(self.frames) as usize, to.min(self.frames) as usize);
        let to = to.max(from);
        self.full.push(std::mem::take(&mut self.open));
        let mut clip = Clip::silence(rate, self.channels, Frames((to - from) as u64));
        let mut start = 0;
        for block in self.full {
            let frames = block.first().map_or(0, Vec::len);
            let (first, last) = (from.max(start), to.min(start + frames));
            if first < last {
                for (c, samples) in block.iter().enumerate() {
                    clip.channel_mut(c)[first - from..last - from]
                        .copy_from_slice(&samples[first - start..last - start]);
                }
            }
            start += frames;
        }
        clip
    }
}
