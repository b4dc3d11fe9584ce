//! The facts of a file, without storing it.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use dream_analysis::{Hints, plot};
use dream_audio::decode::{Decoded, Limits, decode_file};
use dream_core::{Facts, note_hz, note_name};
use dream_library::write_file;
use serde::Serialize;

use crate::Error;
use crate::intake::{Damage, clean, listen_to};

/// What a file is and what analysis found in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Analysis {
    /// The file, as given.
    pub path: String,
    /// Container and codec.
    pub format: String,
    /// Rate of the file in Hz.
    pub sample_rate: u32,
    /// Channels of the file.
    pub channels: usize,
    /// What was lost or replaced on the way in.
    pub warnings: Vec<String>,
    /// The name of the note nearest to the fundamental of a tonal one-shot: `A2`; middle C is `C4`.
    pub root_note: Option<String>,
    /// The fundamental of a tonal one-shot in Hz.
    pub f0_hz: Option<f64>,
    /// The picture that was drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plot: Option<String>,
    /// What analysis found.
    #[serde(flatten)]
    pub facts: Facts,
}

/// How to analyse a file.
#[derive(Debug, Clone)]
pub struct Listening<'a> {
    /// The limits of decoding.
    pub limits: &'a Limits,
    /// Whether to judge by the sound alone; else the name of the file speaks for its content.
    pub ignore_name: bool,
    /// The PNG file to draw.
    pub plot: Option<PathBuf>,
}

/// Analyses the file as an ingest would, without a library, and draws it if asked to.
///
/// # Errors
/// `Decode` when it is no audio that can be used; `Library` when the picture cannot be written.
pub fn analyse(path: &Path, listening: &Listening<'_>) -> Result<Analysis, Error> {
    let decoded = decode_file(path, listening.limits)
        .map_err(|source| Error::Decode { path: path.to_owned(), source })?;
    let mut damage = damage(&decoded);
    let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let title = file_name.clone().unwrap_or_default();
    let hints = Hints { name: file_name.filter(|_| !listening.ignore_name), ..Hints::default() };
    let (sample_rate, channels) = (decoded.clip.rate().0, decoded.clip.channels());
    let mut warnings = decoded.warnings;
    let clip = clean(decoded.clip, &mut damage, &mut warnings);
    let facts = listen_to(&clip, &hints, damage);
    if let Some(picture) = &listening.plot {
        write_png(&plot::draw(&clip, &facts, &title), picture)?;
    }
    Ok(Analysis {
        path: path.to_string_lossy().into_owned(),
        format: decoded.format,
        sample_rate,
        channels,
        warnings,
        root_note: facts.root.map(note_name),
        f0_hz: facts.root.map(note_hz),
        plot: listening.plot.as_ref().map(|path| path.to_string_lossy().into_owned()),
        facts,
    })
}

/// A folder for pictures, and the names given in it so far.
#[derive(Debug)]
pub struct Plots {
    folder: PathBuf,
    taken: BTreeSet<String>,
}

impl Plots {
    /// Makes the folder when it is not there.
    ///
    /// # Errors
    /// `Io` when it cannot be made.
    pub fn create(folder: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(|source| Error::Io {
            action: "create the folder",
            path: folder.to_owned(),
            source,
        })?;
        Ok(Self { folder: folder.to_owned(), taken: BTreeSet::new() })
    }

    /// The place for the picture of a file: its name with `.png`, with a number when another has that name.
    pub fn place(&mut self, file: &Path) -> PathBuf {
        let stem = file.file_stem().map_or("plot".into(), |stem| stem.to_string_lossy());
        let mut name = format!("{stem}.png");
        let mut count = 1;
        // In lower case, since many file systems do not tell the cases apart.
        while !self.taken.insert(name.to_lowercase()) {
            count += 1;
            name = format!("{stem}-{count}.png");
        }
        self.folder.join(name)
    }
}

pub(crate) fn write_png(image: &plot::Image, path: &Path) -> Result<(), Error> {
    write_file(path, |file| encode_png(image, file).map_err(io::Error::from))?;
    Ok(())
}

fn encode_png(image: &plot::Image, file: &mut dyn Write) -> Result<(), png::EncodingError> {
    let mut encoder = png::Encoder::new(file, image.width as u32, image.height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&image.rgb)?;
    writer.finish()
}

/// What decoding could not bring over.
pub(crate) fn damage(decoded: &Decoded) -> Damage {
    let frames = decoded.clip.len() as f64;
    let missing = match decoded.declared_frames {
        Some(declared) if declared > 0 => (1.0 - frames / declared as f64).max(0.0),
        _ => 0.0,
    };
    Damage {
        zeroed: decoded.non_finite as f64 / decoded.clip.samples().len().max(1) as f64,
        missing: decoded.incomplete.then_some(missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_one_call_never_share_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut plots = Plots::create(&folder.path().join("new/plots")).unwrap();
        let mut name = |file: &str| {
            let place = plots.place(Path::new(file));
            place.file_name().unwrap().to_string_lossy().into_owned()
        };
        assert_eq!(name("a/kick.wav"), "kick.png");
        assert_eq!(name("b/kick.flac"), "kick-2.png");
        assert_eq!(name("b/Kick.wav"), "Kick-3.png");
        assert_eq!(name("kick-2.wav"), "kick-2-2.png");
        assert_eq!(name("two.dots.wav"), "two.dots.png");
        assert_eq!(name(".."), "plot.png");
        assert!(folder.path().join("new/plots").is_dir());
    }

    #[test]
    fn what_is_written_is_the_picture() {
        let clip = dream_audio::Clip::mono(dream_core::SampleRate::LIBRARY, vec![0.5; 99]);
        let image = plot::draw(&clip, &Facts::default(), "a");
        let mut file = Vec::new();
        encode_png(&image, &mut file).unwrap();
        let mut reader = png::Decoder::new(io::Cursor::new(file)).read_info().unwrap();
        let mut rgb = vec![0; image.rgb.len()];
        let info = reader.next_frame(&mut rgb).unwrap();
        assert_eq!((info.width as usize, info.height as usize), (image.width, image.height));
        assert_eq!(rgb, image.rgb);
    }
}
