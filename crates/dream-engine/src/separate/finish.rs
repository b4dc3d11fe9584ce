//! Separated stems as files and into the library.

use std::path::Path;

use dream_analysis::{Hints, Known};
use dream_audio::Clip;
use dream_audio::encode::{self, FloatWriter};
use dream_audio::resample::resample;
use dream_core::{
    Category, Db, Form, Frames, Parent, Provenance, SampleRate, Seed, Source, StemId,
};
use dream_library::write_file;

use super::cut::{Cut, hits};
use super::loops::{Grid, loops};
use super::recording::Recording;
use super::spool::Spool;
use super::{PART_S, SeparatedStem, Separation, StemFormat};
use crate::intake::{Damage, Origin};
use crate::{Bits, Error};

/// A stem that nowhere reaches this level over [`SPAN_S`] is silent: 60 dB below full scale.
const SILENCE: f64 = 1e-6;
/// The stretches whose level counts, in seconds.
const SPAN_S: f64 = 0.4;

/// A shorter rest goes with the part before it, in seconds.
const REST_S: u64 = 30;

/// Where the parts of a stem start and how long they are, in frames.
fn parts(spool: &Spool) -> Vec<(u64, u64)> {
    let second = u64::from(spool.rate().0);
    let (frames, part) = (spool.frames().0, PART_S * second);
    let count = frames.saturating_sub(REST_S * second).div_ceil(part).max(1);
    let length = |k| if k + 1 == count { frames - k * part } else { part };
    (0..count).map(|k| (k * part, length(k))).collect()
}

/// What is known of a recording whose stems are made.
pub(super) struct Made<'a> {
    pub(super) recording: &'a Recording,
    pub(super) parent: Parent,
    pub(super) format: String,
    pub(super) warnings: Vec<String>,
}

/// Levels of a stem.
#[derive(Default)]
struct Levels {
    energy: f64,
    /// The largest mean square of a stretch.
    loudest: f64,
    peak: f32,
}

impl Separation<'_> {
    /// Writes and admits the stems of a recording of so many seconds.
    pub(super) fn finish(
        &self,
        made: &Made<'_>,
        spools: &mut [Spool],
        seconds: f64,
    ) -> Result<Vec<SeparatedStem>, Error> {
        let levels: Vec<Levels> =
            spools.iter().map(|spool| self.levels(spool)).collect::<Result<_, _>>()?;
        let energy: f64 = levels.iter().map(|levels| levels.energy).sum();
        let peak = levels.iter().fold(0.0_f32, |peak, levels| peak.max(levels.peak));
        let gain = if self.bits() == Bits::Float32 || peak <= 1.0 { 1.0 } else { peak.recip() };
        let grids = if self.spec.no_library { Vec::new() } else { self.grids(spools)? };
        let mut stems = Vec::new();
        for ((output, spool), levels) in self.outputs.iter().zip(spools).zip(levels) {
            let mut stem = SeparatedStem {
                track: made.recording.key.clone(),
                stem: output.name.clone(),
                category: Category::parse(&output.name).unwrap_or(Category::Other),
                model: self.separator.name().to_owned(),
                quality_tier: self.separator.quality_tier().to_owned(),
                duration_s: seconds,
                energy_share: levels.energy / energy.max(f64::MIN_POSITIVE),
                silent: levels.loudest < SILENCE,
                path: None,
                stem_ids: Vec::new(),
                cut_ids: Vec::new(),
                warnings: Vec::new(),
            };
            if stem.silent {
                stem.warnings.push("silent: left out".to_owned());
                stems.push(stem);
                continue;
            }
            let ending = self.spec.format.ending();
            let file = format!("{}_{}_{}", made.recording.name, stem.model, stem.stem);
            if let Some(out) = &self.spec.out {
                let path = out.join(format!("{file}.{ending}"));
                if gain < 1.0 {
                    let gain_db = Db::of(gain).0;
                    stem.warnings
                        .push(format!("all stems {gain_db:.1} dB, so that none is clipped"));
                }
                self.write(spool, &path, gain)?;
                stem.path = Some(path.to_string_lossy().into_owned());
            }
            if !self.spec.no_library {
                self.admit(made, &mut stem, spool, &file, &grids)?;
            }
            stems.push(stem);
        }
        Ok(stems)
    }

    fn levels(&self, spool: &Spool) -> Result<Levels, Error> {
        let span = ((f64::from(spool.rate().0) * SPAN_S) as u64).max(1);
        let (mut levels, mut sum, mut count) = (Levels::default(), 0.0, 0);
        spool.each(|block| {
            self.progress().check()?;
            levels.peak = levels.peak.max(block.peak());
            let [left, right] = block.stereo();
            for (l, r) in left.iter().zip(right) {
                sum += 0.5 * (f64::from(*l).powi(2) + f64::from(*r).powi(2));
                count += 1;
                if count == span {
                    levels.loudest = levels.loudest.max(sum / span as f64);
                    levels.energy += sum;
                    (sum, count) = (0.0, 0);
                }
            }
            Ok(())
        })?;
        // What is left at the end counts as if silence followed.
        levels.loudest = levels.loudest.max(sum / span as f64);
        levels.energy += sum;
        Ok(levels)
    }

    /// The format of the samples in files.
    pub(super) fn bits(&self) -> Bits {
        self.spec.bits.unwrap_or(match self.spec.format {
            StemFormat::Wav => Bits::Float32,
            StemFormat::Flac => Bits::Int24,
        })
    }

    fn write(&self, spool: &Spool, path: &Path, gain: f32) -> Result<(), Error> {
        let encode = |source| Error::Encode { path: path.to_owned(), source };
        let bits = self.bits();
        if bits == Bits::Float32 {
            let mut failed = None;
            let written = write_file(path, |file| {
                let result = FloatWriter::new(file, spool.rate(), 2, spool.frames())
                    .map_err(encode)
                    .and_then(|mut writer| {
                        spool.each(|block| {
                            self.progress().check()?;
                            writer.write(&block.stereo()).map_err(encode)
                        })
                    });
                result.map_err(|error| {
                    failed = Some(error);
                    std::io::Error::other("not written")
                })
            });
            return match failed {
                Some(error) => Err(error),
                None => Ok(written?),
            };
        }
        let mut clip = spool.read(Frames(0), spool.frames())?;
        clip.scale(gain);
        let (bits, dither) = (bits.format(), Seed(0).child("dither"));
        Ok(write_file(path, |file| {
            let written = match self.spec.format {
                StemFormat::Wav => encode::write_wav(file, &clip, bits, dither),
                StemFormat::Flac => encode::write_flac(file, &clip, bits, dither),
            };
            written.map_err(|error| match error {
                dream_audio::Error::Io(error) => error,
                other => std::io::Error::other(other),
            })
        })?)
    }

    /// Takes a stem into the library, in parts where it is long; a silent part is left out.
    fn admit(
        &self,
        made: &Made<'_>,
        stem: &mut SeparatedStem,
        spool: &Spool,
        file: &str,
        grids: &[Option<Grid>],
    ) -> Result<(), Error> {
        let second = u64::from(spool.rate().0);
        for (&(start, count), grid) in parts(spool).iter().zip(grids) {
            self.progress().check()?;
            let minutes = start / second / 60;
            let name = if grids.len() == 1 {
                format!("{file}.wav")
            } else {
                format!("{file}_{:02}h{:02}m.wav", minutes / 60, minutes % 60)
            };
            let start_s = Frames(start).seconds(spool.rate());
            let clip = spool.read(Frames(start), Frames(count))?;
            for (number, cut) in
                self.cuts(&clip, grid.as_ref(), stem.category).into_iter().enumerate()
            {
                self.progress().check()?;
                let what = match cut.known.form {
                    Some(Form::Loop) => "loop",
                    _ => cut.known.category.unwrap_or_default().name(),
                };
                let name = format!("{}_{what}_{}.wav", name.trim_end_matches(".wav"), number + 1);
                let origin = self.origin(made, stem, name, start_s, cut.known);
                stem.cut_ids.extend(self.admitted(cut.clip, origin)?);
            }
            let known = Known { category: Some(stem.category), ..Known::default() };
            let origin = self.origin(made, stem, name, start_s, known);
            stem.stem_ids.extend(self.admitted(clip, origin)?);
        }
        Ok(())
    }

    /// The bars of each part of the recording, heard in the sum of the stems that were asked for.
    fn grids(&self, spools: &[Spool]) -> Result<Vec<Option<Grid>>, Error> {
        let Some(first) = spools.first() else { return Ok(Vec::new()) };
        let of_part = |&(start, count): &(u64, u64)| {
            let mut mix = vec![0.0; count as usize];
            for spool in spools {
                self.progress().check()?;
                let mono = spool.read(Frames(start), Frames(count))?.to_mono();
                mix.iter_mut().zip(&mono).for_each(|(sum, x)| *sum += x);
            }
            let clip = resample(&Clip::mono(first.rate(), mix), SampleRate::LIBRARY);
            Ok(Grid::of(clip.channel(0), clip.seconds()))
        };
        parts(first).iter().map(of_part).collect()
    }

    /// The loops of a part of a stem, and the hits of drums where they are asked for.
    fn cuts(&self, clip: &Clip, grid: Option<&Grid>, category: Category) -> Vec<Cut> {
        let wants_hits = self.spec.cut_drums && category == Category::Drums;
        if grid.is_none() && !wants_hits {
            return Vec::new();
        }
        let clip = resample(clip, SampleRate::LIBRARY);
        let mut cuts = if wants_hits { hits(&clip) } else { Vec::new() };
        cuts.extend(grid.iter().flat_map(|grid| loops(&clip, grid, category)));
        cuts
    }

    /// The stem that a clip has become; none when it is silent.
    fn admitted(&self, clip: Clip, origin: Origin) -> Result<Option<StemId>, Error> {
        match self.engine().admit(clip, origin) {
            Ok(added) => Ok(Some(added.id())),
            Err(Error::Silent) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn origin(
        &self,
        made: &Made<'_>,
        stem: &SeparatedStem,
        name: String,
        start_s: f64,
        known: Known,
    ) -> Origin {
        let mut warnings = made.warnings.clone();
        if stem.quality_tier == "dsp" {
            warnings.push("a rough separation: other instruments sound through".to_owned());
        }
        Origin {
            name,
            source: Source::Separated,
            kit: Some(made.recording.name.clone()),
            licence: made.recording.licence.clone(),
            provenance: Provenance {
                path: made.parent.path.clone(),
                format: Some(made.format.clone()),
                recipe: None,
                parent: Some(Parent { start_s, ..made.parent.clone() }),
                separator: Some(self.separator.described(&stem.stem)),
                generator: None,
                warnings,
            },
            hints: Hints { name: None, known },
            damage: Damage::default(),
        }
    }
}
