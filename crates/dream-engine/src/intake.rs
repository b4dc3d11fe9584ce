//! The one way into the library.
//!
//! Clean, bring to 44.1 kHz, analyse, embed, store the audio, catalogue. Original, separated and generated
//! audio pass here alike. The same audio is the same stem, whatever file it came in.

use std::io::Write;

use dream_analysis::descriptors::embed;
use dream_analysis::fingerprint::fingerprint;
use dream_analysis::{Hints, analyse};
use dream_audio::Clip;
use dream_audio::decode::downmix;
use dream_audio::encode::{self, Bits};
use dream_audio::resample::resample;
use dream_core::{Defect, Facts, Provenance, SampleRate, Seed, Source, StemId};
use dream_library::{Added, Moment, NewStem, content_hash};

use crate::duplicates::{self, Near};
use crate::{Engine, Error};

/// Audio above this peak (40 dB over full scale) is damaged, not loud: it is brought to full scale.
const ABSURD_PEAK: f32 = 100.0;

/// The floor below which audio counts as silence: -120 dBFS.
const SILENCE: f32 = 1e-6;

/// Where audio comes from and what is known of it beforehand.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// File name or recipe name.
    pub name: String,
    /// Where it is from.
    pub source: Source,
    /// The kit it belongs to.
    pub kit: Option<String>,
    /// SPDX licence expression.
    pub licence: Option<String>,
    /// What made it.
    pub provenance: Provenance,
    /// What analysis may know.
    pub hints: Hints,
    /// What was lost before.
    pub damage: Damage,
}

/// What was lost of audio on its way into memory.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Damage {
    /// Share of samples that were not finite and are zero now, 0 to 1.
    pub zeroed: f64,
    /// Share of the frames promised that are not there, 0 to 1; `None` when nothing is missing.
    pub missing: Option<f64>,
}

/// Audio on its way in, its blob stored: what is left to do is one transaction.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// A stem with this audio is there.
    Known(StemId),
    /// It is new.
    New(Box<NewStem>),
}

impl Engine {
    /// Takes audio into the library.
    ///
    /// # Errors
    /// `Silent` for audio without sound; those of the library.
    pub fn admit(&self, clip: Clip, origin: Origin) -> Result<Added, Error> {
        match self.prepare(clip, origin)? {
            Prepared::Known(id) => Ok(Added::Known(id)),
            Prepared::New(mut stem) => self.library().write(|write| {
                let (added, _) = add(write, &mut stem, self.now())?;
                Ok(added)
            }),
        }
    }

    /// All of intake but the transaction; safe to run for many clips at once.
    pub(crate) fn prepare(&self, clip: Clip, mut origin: Origin) -> Result<Prepared, Error> {
        let clip = clean(clip, &mut origin.damage, &mut origin.provenance.warnings);
        if clip.peak() < SILENCE {
            return Err(Error::Silent);
        }
        let hash = content_hash(clip.channels(), clip.samples());
        if let Some(id) = self.library().find(&hash)? {
            return Ok(Prepared::Known(id));
        }
        let facts = listen_to(&clip, &origin.hints, origin.damage);
        let embeddings = vec![embed(&facts)];
        self.library().blobs().put(&hash, |file| write_wav(&clip, file))?;
        Ok(Prepared::New(Box::new(NewStem {
            hash,
            name: origin.name,
            source: origin.source,
            kit: origin.kit,
            licence: origin.licence,
            channels: clip.channels() as u32,
            sample_rate: clip.rate(),
            frames: clip.frames(),
            facts,
            provenance: origin.provenance,
            embeddings,
            fingerprint: fingerprint(&clip),
        })))
    }
}

/// Catalogues a stem and names the stems it nearly duplicates, the most alike first: in its warnings, and to the
/// caller.
pub(crate) fn add(
    write: &dream_library::Write<'_>,
    stem: &mut NewStem,
    at: Moment,
) -> Result<(Added, Vec<Near>), Error> {
    if let Some(id) = write.find(&stem.hash)? {
        return Ok((Added::Known(id), Vec::new()));
    }
    let near = duplicates::near(&stem.fingerprint, |spreads, keep| {
        write.fingerprints_like(spreads, keep)
    })?;
    stem.provenance.warnings.extend(near.first().map(ToString::to_string));
    Ok((write.add_stem(stem, at)?, near))
}

/// The clip as the library keeps it: finite, 44.1 kHz, one or two channels, sane levels.
pub(crate) fn clean(mut clip: Clip, damage: &mut Damage, warnings: &mut Vec<String>) -> Clip {
    let mut zeroed = 0;
    for sample in clip.samples_mut().iter_mut().filter(|sample| !sample.is_finite()) {
        *sample = 0.0;
        zeroed += 1;
    }
    if zeroed > 0 {
        warnings.push(format!("{zeroed} samples were not finite and are zero"));
        damage.zeroed += f64::from(zeroed) / clip.samples().len() as f64;
    }
    if clip.channels() > 2 {
        warnings.push(format!("{} channels mixed down to stereo", clip.channels()));
        clip = downmix(&clip);
    }
    let peak = clip.peak();
    if peak > ABSURD_PEAK {
        warnings.push(format!("peak of {peak:e} brought to full scale"));
        // Divided, since the inverse of a huge peak would be denormal.
        clip.samples_mut().iter_mut().for_each(|sample| *sample /= peak);
    }
    if clip.rate() == SampleRate::LIBRARY { clip } else { resample(&clip, SampleRate::LIBRARY) }
}

/// What analysis finds, less what was lost before it.
pub(crate) fn listen_to(clip: &Clip, hints: &Hints, damage: Damage) -> Facts {
    let mut facts = analyse(clip, hints);
    let mut lose = |defect: Defect, share: f64| {
        if !facts.defects.contains(&defect) {
            facts.defects.push(defect);
        }
        let kept = (1.0 - share.clamp(0.0, 1.0)) as f32;
        facts.quality_parts.insert(defect.name().to_owned(), kept);
        facts.quality *= kept;
    };
    if damage.zeroed > 0.0 {
        lose(Defect::NonFinite, damage.zeroed);
    }
    if let Some(share) = damage.missing {
        lose(Defect::Incomplete, share);
    }
    facts
}

/// Writes a WAV file that holds the samples exactly: 16-bit PCM where that is lossless, else 32-bit float.
pub(crate) fn write_wav(clip: &Clip, file: &mut dyn Write) -> std::io::Result<()> {
    let exact = clip.samples().iter().all(|sample| is_16_bit(*sample));
    let bits = if exact { Bits::Int16 } else { Bits::Float32 };
    // The dither spares samples that lie on a step: no seed can change the file.
    encode::write_wav(file, clip, bits, Seed(0)).map_err(|error| match error {
        dream_audio::Error::Io(error) => error,
        other => std::io::Error::other(other),
    })
}

/// Whether a 16-bit sample means exactly this one.
fn is_16_bit(sample: f32) -> bool {
    let scaled = sample * 32_768.0;
    (-32_768.0..=32_767.0).contains(&scaled) && scaled.fract().abs() < f32::MIN_POSITIVE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::engine;
    use dream_audio::decode::{Limits, decode_file};
    use dream_core::Progress;

    const RATE: SampleRate = SampleRate::LIBRARY;

    fn origin() -> Origin {
        Origin {
            name: "a.wav".to_owned(),
            source: Source::Generated,
            kit: None,
            licence: None,
            provenance: Provenance::default(),
            hints: Hints::default(),
            damage: Damage::default(),
        }
    }

    fn tone(rate: SampleRate) -> Vec<f32> {
        (0..rate.0 / 2).map(|i| (f64::from(i) * 440.0 / rate.hz()).sin() as f32 * 0.5).collect()
    }

    fn stored(engine: &Engine, id: StemId) -> Clip {
        let hash = engine.library().stem(id).unwrap().stem.hash;
        decode_file(&engine.library().blobs().path(&hash), &Limits::default()).unwrap().clip
    }

    #[test]
    fn the_stored_audio_is_what_was_admitted_to_the_bit() {
        let (_home, engine) = engine();
        let exact: Vec<f32> =
            tone(RATE).iter().map(|x| (x * 32_768.0).round() / 32_768.0).collect();
        for (samples, format) in [(exact, 16), (tone(RATE), 32)] {
            let clip = Clip::mono(RATE, samples);
            let id = engine.admit(clip.clone(), origin()).unwrap().id();
            assert_eq!(stored(&engine, id), clip);
            let hash = engine.library().stem(id).unwrap().stem.hash;
            let file = std::fs::read(engine.library().blobs().path(&hash)).unwrap();
            assert_eq!(file[34], format, "bits per sample");
        }
    }

    #[test]
    fn the_same_audio_is_admitted_once() {
        let (_home, engine) = engine();
        let clip = Clip::mono(RATE, tone(RATE));
        assert_eq!(engine.admit(clip.clone(), origin()).unwrap(), Added::New(StemId(1)));
        assert_eq!(engine.admit(clip, origin()).unwrap(), Added::Known(StemId(1)));
    }

    #[test]
    fn the_same_sound_at_another_level_is_admitted_and_named() {
        let (_home, engine) = engine();
        let clip = Clip::mono(RATE, tone(RATE));
        let first = engine.admit(clip.clone(), origin()).unwrap().id();
        let mut quieter = vec![0.0; 3_000];
        quieter.extend(clip.samples().iter().map(|x| 0.3 * x));
        let second = engine.admit(Clip::mono(RATE, quieter), origin()).unwrap();
        assert_eq!(second, Added::New(StemId(2)));
        let warnings = engine.library().stem(second.id()).unwrap().stem.provenance.warnings;
        assert!(warnings[0].starts_with("near duplicate of stem 1, similarity "), "{warnings:?}");
        let near = engine.near_duplicates(first).unwrap();
        assert_eq!(near.iter().map(|near| near.id).collect::<Vec<_>>(), [second.id()]);
        let other: Vec<f32> =
            tone(RATE).iter().enumerate().map(|(i, x)| x * (i as f32 / 900.0).sin()).collect();
        let third = engine.admit(Clip::mono(RATE, other), origin()).unwrap().id();
        assert_eq!(engine.near_duplicates(third).unwrap(), []);
        let groups = engine.duplicates(&Progress::silent()).unwrap();
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].iter().map(|near| near.id.0).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn another_rate_and_more_channels_become_stereo_at_the_rate_of_the_library() {
        let (_home, engine) = engine();
        let rate = SampleRate(48_000);
        let channel = tone(rate);
        let clip = Clip::new(rate, &[&channel, &channel, &channel]);
        let id = engine.admit(clip, origin()).unwrap().id();
        let entry = engine.library().stem(id).unwrap();
        assert_eq!((entry.sample_rate, entry.frames.0, entry.stem.channels), (RATE, 22_050, 2));
        assert_eq!(entry.stem.provenance.warnings, ["3 channels mixed down to stereo"]);
    }

    #[test]
    fn what_is_not_finite_is_zeroed_and_counted_as_a_defect() {
        let (_home, engine) = engine();
        let whole = engine.admit(Clip::mono(RATE, tone(RATE)), origin()).unwrap().id();
        let mut samples = tone(RATE);
        samples[..11_025].fill(f32::NAN);
        let id = engine.admit(Clip::mono(RATE, samples), origin()).unwrap().id();
        let facts = engine.library().stem(id).unwrap().stem.facts;
        assert!(facts.defects.contains(&Defect::NonFinite));
        assert!((facts.quality_parts["non_finite"] - 0.5).abs() < 1e-6);
        assert!(facts.quality < engine.library().stem(whole).unwrap().stem.facts.quality);
        assert!(stored(&engine, id).samples().iter().all(|sample| sample.is_finite()));
    }

    #[test]
    fn absurd_levels_are_brought_to_full_scale() {
        let (_home, engine) = engine();
        let clip = Clip::mono(RATE, tone(RATE).iter().map(|x| x * 1e30).collect());
        let id = engine.admit(clip, origin()).unwrap().id();
        assert!((stored(&engine, id).peak() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn silence_is_refused_and_leaves_nothing_behind() {
        let (_home, engine) = engine();
        for level in [0.0, 1e-20, f32::NAN] {
            let refused = engine.admit(Clip::mono(RATE, vec![level; 4_410]), origin());
            assert!(matches!(refused, Err(Error::Silent)), "{refused:?}");
        }
        assert_eq!(std::fs::read_dir(engine.home().stems()).unwrap().count(), 0);
    }
}
