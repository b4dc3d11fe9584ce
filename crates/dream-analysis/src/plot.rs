//! A picture of a clip and its facts.
//!
//! From top to bottom over one time axis: the facts in words; every channel as its extremes and its RMS; a spectrogram
//! over a logarithmic frequency axis; the strength of the twelve pitch classes. Beats are thin lines, the first beats
//! of bars are bright and numbered, what lies outside the loop points is dimmed.
//! In: a clip of any rate and length, its facts, a title. Out: an [`Image`] of 1600 x 1000. Levels are relative to the
//! loudest, so that the picture does not change with the gain.
//! Memory: one value per pixel; no spectrogram of the whole clip is kept.

mod canvas;
pub mod chart;
mod chroma;
mod colour;
mod spectrogram;
mod text;
mod waveform;

use dream_audio::Clip;
use dream_core::{Facts, Form, Key, Mode, PitchClass, note_name};

use self::canvas::{Area, Colour};

pub use self::canvas::Image;

/// Width of the picture in pixels.
pub const WIDTH: usize = 1600;
/// Height of the picture in pixels.
pub const HEIGHT: usize = 1000;

const LEFT: usize = 64;
const COLUMNS: usize = 1512;
const WAVE: Area = Area { x: LEFT, y: 122, width: COLUMNS, height: 182 };
const SPECTRUM: Area = Area { x: LEFT, y: 314, width: COLUMNS, height: 440 };
const CHROMA: Area = Area { x: LEFT, y: 764, width: COLUMNS, height: 192 };

const BACKGROUND: Colour = Colour([14, 15, 20]);
const PANEL: Colour = Colour([20, 22, 29]);
const BRIGHT: Colour = Colour([236, 237, 242]);
const PLAIN: Colour = Colour([168, 172, 184]);
const FAINT: Colour = Colour([104, 108, 122]);
const BAR: Colour = Colour([255, 190, 92]);
const LOOP: Colour = Colour([110, 231, 160]);

/// Lines closer than this, in pixels, would hide what they lie on.
const CROWDED: f64 = 8.0;

/// Draws a clip with its facts under a title.
pub fn draw(clip: &Clip, facts: &Facts, title: &str) -> Image {
    let mut image = Image::new(WIDTH, HEIGHT, BACKGROUND);
    caption(&mut image, facts, title);
    for area in [WAVE, SPECTRUM, CHROMA] {
        image.fill(area, PANEL);
    }
    waveform::draw(&mut image, WAVE, clip);
    spectrogram::draw(&mut image, SPECTRUM, clip);
    chroma::draw(&mut image, CHROMA, clip, facts.tuning_cents.unwrap_or(0.0));
    let axis = Axis { seconds: clip.seconds() };
    beats(&mut image, axis, facts);
    loop_points(&mut image, axis, facts);
    seconds(&mut image, axis);
    hertz(&mut image);
    pitch_classes(&mut image, facts);
    image
}

/// Time from left to right.
#[derive(Debug, Clone, Copy)]
struct Axis {
    seconds: f64,
}

impl Axis {
    /// The column of a time, if it lies in the clip.
    fn column(self, time_s: f64) -> Option<usize> {
        if !(0.0..self.seconds).contains(&time_s) {
            return None;
        }
        Some(LEFT + ((time_s / self.seconds * COLUMNS as f64) as usize).min(COLUMNS - 1))
    }

    /// Pixels per second.
    fn scale(self) -> f64 {
        COLUMNS as f64 / self.seconds.max(1e-9)
    }
}

fn caption(image: &mut Image, facts: &Facts, title: &str) {
    let right = WIDTH - 24;
    image.text(LEFT, 16, 26, BRIGHT, right, title);
    image.text(LEFT, 54, 16, PLAIN, right, &heard(facts));
    image.text(LEFT, 78, 16, FAINT, right, &judged(facts));
}

/// Tempo, key, category, form, length and levels in words.
fn heard(facts: &Facts) -> String {
    let sure = |confidence: f32| format!(" ({:.0} %)", 100.0 * confidence);
    let mut words = Vec::new();
    words.push(match facts.bpm {
        Some(bpm) => {
            let varies = if facts.bpm_varies { " varies" } else { "" };
            format!("{:.2} bpm{varies}{}", bpm.get(), sure(facts.bpm_confidence))
        }
        None => "no tempo".to_owned(),
    });
    words.push(match (facts.key, facts.root) {
        (Some(key), _) => format!("{key}, {}{}", key.camelot(), sure(facts.key_confidence)),
        (None, Some(root)) => format!("root {}{}", note_name(root), sure(facts.root_confidence)),
        (None, None) => "no key".to_owned(),
    });
    words.push(format!("{}{}", facts.category, sure(facts.category_confidence)));
    let form = match facts.form {
        Form::OneShot => "one-shot",
        Form::Loop => "loop",
        Form::Free => "free",
    };
    let bars = facts.bars.map_or(String::new(), |bars| match bars {
        1 => ", 1 bar".to_owned(),
        bars => format!(", {bars} bars"),
    });
    words.push(format!("{form}{bars}{}", sure(facts.form_confidence)));
    words.push(format!("{:.3} s", facts.duration_s));
    words.push(match facts.loudness_lufs {
        Some(lufs) => format!("{lufs:.1} LUFS, {:.1} dBTP", facts.true_peak_dbtp),
        None => "silent".to_owned(),
    });
    words.join("   ")
}

/// Quality, defects, drum voices and tags in words.
fn judged(facts: &Facts) -> String {
    let mut words = vec![format!("quality {:.2}", facts.quality)];
    let defects: Vec<&str> = facts.defects.iter().map(|defect| defect.name()).collect();
    if !defects.is_empty() {
        words.push(format!("defects: {}", defects.join(", ")));
    }
    if !facts.drum_voices.is_empty() {
        let voices: Vec<&str> = facts.drum_voices.keys().map(String::as_str).collect();
        words.push(format!("voices: {}", voices.join(", ")));
    }
    if !facts.tags.is_empty() {
        words.push(format!("tags: {}", facts.tags.join(", ")));
    }
    words.join("   ")
}

/// Lines for beats, where there is room, and numbered bars.
fn beats(image: &mut Image, axis: Axis, facts: &Facts) {
    let spacing = |times: &[f64]| match (times.first(), times.last()) {
        (Some(first), Some(last)) if times.len() > 1 => {
            (last - first) / (times.len() - 1) as f64 * axis.scale()
        }
        _ => f64::INFINITY,
    };
    let bars: Vec<usize> = facts.downbeats_s.iter().filter_map(|t| axis.column(*t)).collect();
    if spacing(&facts.beats_s) >= CROWDED {
        let beats = facts.beats_s.iter().filter_map(|time| axis.column(*time));
        for x in beats.filter(|x| !bars.contains(x)) {
            image.line(WAVE.column(x), BRIGHT, 0.22);
            image.line(SPECTRUM.column(x), BRIGHT, 0.16);
            image.line(Area { x, y: WAVE.y - 6, width: 1, height: 4 }, FAINT, 1.0);
        }
    }
    let between = spacing(&facts.downbeats_s);
    if between < CROWDED {
        return;
    }
    // A number needs 36 pixels; every bar, or every 2nd, 4th, 8th ...
    let every = (36.0 / between).ceil().max(1.0) as usize;
    let every = every.next_power_of_two();
    for (bar, &x) in bars.iter().enumerate() {
        image.line(WAVE.column(x), BAR, 0.55);
        image.line(SPECTRUM.column(x), BAR, 0.4);
        image.line(Area { x, y: WAVE.y - 8, width: 1, height: 6 }, BAR, 1.0);
        if bar % every == 0 {
            image.text(x + 3, WAVE.y - 18, 12, BAR, WIDTH, &(bar + 1).to_string());
        }
    }
}

/// Dims what lies outside the loop and marks its ends.
fn loop_points(image: &mut Image, axis: Axis, facts: &Facts) {
    let Some((start, end)) = facts.loop_points_s else { return };
    let from = axis.column(start).unwrap_or(LEFT);
    let to = axis.column(end).unwrap_or(LEFT + COLUMNS - 1);
    for area in [WAVE, SPECTRUM, CHROMA] {
        let before = Area { width: from - LEFT, ..area };
        let after = Area { x: to + 1, width: LEFT + COLUMNS - 1 - to, ..area };
        image.line(before, BACKGROUND, 0.6);
        image.line(after, BACKGROUND, 0.6);
    }
    for (x, inwards) in [(from, 1_i64), (to, -1)] {
        image.line(WAVE.column(x), LOOP, 0.9);
        image.line(SPECTRUM.column(x), LOOP, 0.6);
        // A flag that points into the loop.
        for row in 0..9_i64 {
            let length = 9 - row;
            let x = if inwards > 0 { x as i64 } else { x as i64 - length + 1 };
            let flag =
                Area { x: x as usize, y: WAVE.y + row as usize, width: length as usize, height: 1 };
            image.fill(flag, LOOP);
        }
    }
}

/// The labels of the time axis: about a dozen round times.
fn seconds(image: &mut Image, axis: Axis) {
    let bottom = CHROMA.y + CHROMA.height;
    if axis.seconds <= 0.0 {
        image.text(LEFT, bottom + 12, 14, FAINT, WIDTH, "no audio");
        return;
    }
    let step = round_step(axis.seconds / 12.0);
    let mut index = 0;
    while let Some(x) = axis.column(f64::from(index) * step) {
        image.line(Area { x, y: bottom, width: 1, height: 6 }, FAINT, 1.0);
        image.text(x + 4, bottom + 10, 14, PLAIN, WIDTH, &time(f64::from(index) * step, step));
        index += 1;
    }
}

/// The next step at or above `least` in 1, 2, 5 times a power of ten, or in whole parts of minutes.
fn round_step(least: f64) -> f64 {
    if least > 10.0 {
        let minutes = [15.0, 30.0, 60.0, 120.0, 300.0, 600.0];
        return minutes.into_iter().find(|step| *step >= least).unwrap_or_else(|| {
            let hours = least / 3600.0;
            hours.ceil() * 3600.0
        });
    }
    let decade = 10.0_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * decade);
    steps.into_iter().find(|step| *step >= least * 0.999).unwrap_or(10.0 * decade)
}

fn time(time_s: f64, step_s: f64) -> String {
    if step_s >= 15.0 {
        return format!("{}:{:02}", time_s as u64 / 60, time_s as u64 % 60);
    }
    if step_s < 0.05 {
        let digits = usize::from(step_s < 0.001);
        return format!("{:.digits$} ms", 1000.0 * time_s);
    }
    let digits = if step_s >= 1.0 { 0 } else { 2 - usize::from(step_s >= 0.1) };
    format!("{time_s:.digits$} s")
}

fn hertz(image: &mut Image) {
    for (hz, label) in [
        (50.0, "50"),
        (100.0, "100"),
        (200.0, "200"),
        (500.0, "500"),
        (1_000.0, "1k"),
        (2_000.0, "2k"),
        (5_000.0, "5k"),
        (10_000.0, "10k"),
    ] {
        let y = SPECTRUM.y + spectrogram::row(hz, SPECTRUM.height);
        image.line(Area { x: LEFT - 6, y, width: 6, height: 1 }, FAINT, 1.0);
        image.text_left_of(LEFT - 10, y - 7, 14, PLAIN, label);
    }
    image.text_left_of(LEFT - 10, SPECTRUM.y, 14, FAINT, "Hz");
}

/// The names of the pitch classes, those of the key bright.
fn pitch_classes(image: &mut Image, facts: &Facts) {
    let height = CHROMA.height / 12;
    for class in 0..12 {
        let pitch = PitchClass::of(class);
        let colour = match facts.key {
            Some(key) if key.tonic == pitch => BAR,
            Some(key) if is_in_scale(key, class) => BRIGHT,
            Some(_) => FAINT,
            None => PLAIN,
        };
        let y = CHROMA.y + (11 - class as usize) * height + 1;
        image.text_left_of(LEFT - 10, y, 13, colour, &pitch.to_string());
    }
}

/// Whether a pitch class is in the scale of a key, the natural one in minor.
fn is_in_scale(key: Key, class: i32) -> bool {
    let major = match key.mode {
        Mode::Major => key,
        Mode::Minor => key.relative(),
    };
    [0, 2, 4, 5, 7, 9, 11].contains(&(class - major.tonic.index()).rem_euclid(12))
}

#[cfg(test)]
mod tests;
