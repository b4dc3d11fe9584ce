//! Basses. The voices that loops play with their own lengths and velocities are functions of a `Note`.

use crate::synth::curve::{adsr, attack, decay, fall, pm, semitones, sin, sin32};
use crate::synth::dynamics::Squeeze;
use crate::synth::osc::{cycles, pulse, saw, sine};
use crate::synth::patch::Patch;
use crate::synth::sound::{Sound, time};
use crate::synth::voice::Vowel;

/// A note as a loop plays it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Note {
    /// Frequency, Hz.
    pub hz: f32,
    /// Seconds until it is released.
    pub gate: f32,
    /// 0 to 1.
    pub velocity: f32,
}

/// Seconds that a played note rings after its gate.
const RELEASE: f64 = 0.03;

/// A sine with a few harmonics that fade, so that small speakers hear it.
pub(crate) fn bass_sub_sine(p: &Patch) -> Sound {
    let hz = p.hz();
    let tone = cycles(
        1.0,
        |_| hz,
        |t, c| {
            sin(c)
                + 0.6 * sin(2.0 * c) * (0.5 + 0.5 * decay(t, 0.6))
                + 0.18 * sin(3.0 * c) * decay(t, 0.5)
                + 0.10 * sin(5.0 * c) * decay(t, 0.25)
        },
    );
    let body = tone.env(adsr(0.006, 0.5, 0.6, 0.12, 0.7)).drive_biased(5.0, 0.1);
    (body + p.click(300.0, 3000.0, 0.018) * 0.12).finish(20.0)
}

/// Beating saws through a moving ladder, driven and chorused, over a mono sine.
pub(crate) fn bass_reese(p: &Patch) -> Sound {
    let (seconds, hz) = (1.8, p.hz());
    let detuned = |cents: f32, phase| saw(seconds, move |_| hz * semitones(p.detune(cents)), phase);
    let octave = saw(seconds, |_| 2.0 * hz * semitones(p.detune(-0.07)), 0.8);
    let saws = detuned(-0.13, 0.1) + detuned(0.13, 0.6) + detuned(0.02, 0.3) * 0.7 + octave * 0.6;
    let cut = |t: f32| p.cut(1300.0) + 700.0 * sin32(0.55 * t) + 2200.0 * decay(t, 0.35);
    let envelope = adsr(0.008, 0.5, 0.85, 0.15, 1.55);
    let growl = (saws * 0.5).ladder(cut, 0.9, 1.5).drive(10.0).hp(2, 95.0).env(envelope);
    let sub = (sine(seconds, |_| hz) * 0.38).lp(2, 120.0).env(envelope);
    (growl.chorus(0.35, 1.8, 8.0, 0.5) + sub).finish(22.0)
}

/// The reese as a loop plays it.
pub(crate) fn reese_note(note: Note) -> Sound {
    let (seconds, hz) = (f64::from(note.gate) + 0.05, note.hz);
    let saws = saw(seconds, |_| hz * semitones(-0.13), 0.1)
        + saw(seconds, |_| hz * semitones(0.13), 0.6)
        + saw(seconds, |_| 2.0 * hz * semitones(-0.07), 0.8) * 0.6;
    let cut = |t: f32| 900.0 + 600.0 * sin32(1.45 * t) + 1200.0 * decay(t, 0.4);
    let envelope = adsr(0.006, 0.4, 0.85, 0.04, note.gate);
    let growl = (saws * 0.5).ladder(cut, 0.9, 1.5).drive(10.0).hp(2, 95.0).env(envelope);
    let sub = sine(seconds, |_| hz).lp(2, 120.0).env(envelope) * 0.4;
    growl.chorus(0.35, 1.8, 8.0, 0.5) + sub
}

/// The filter of a bass line machine: ladder with its lows kept, the coupling's high-passes behind it.
pub(crate) fn acid_filter(source: Sound, cut: impl Fn(f32) -> f32, resonance: f32) -> Sound {
    let out = (source * 0.9).ladder_with_lows(|t| cut(t).min(9000.0), resonance, 1.6, 140.0);
    let coupled = out.hp(1, 38.0);
    let lifted = coupled.clone().hp(1, 350.0) * 0.25;
    coupled + lifted
}

/// What distinguishes one acid note from another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acid {
    /// Resting cut-off, Hz.
    pub cut: f32,
    /// Sweep of the envelope, octaves.
    pub sweep: f32,
    /// T60 of the sweep, seconds; an accent makes it 0.6.
    pub t60: f32,
    /// 0 to 1: how far the note is accented.
    pub accent: f32,
    /// 0 to 3.9.
    pub resonance: f32,
    /// Drive behind the filter, dB.
    pub drive: f64,
}

/// An acid note before its gate.
pub(crate) fn acid_voice(source: Sound, acid: &Acid) -> Sound {
    let t60 = if acid.accent > 0.0 { 0.6 } else { acid.t60 };
    let octaves = |t: f32| {
        let kick = acid.accent * 1.2 * (1.0 - fall(t, 0.012)) * decay(t, 0.5);
        acid.sweep * decay(t, t60) + kick
    };
    let cut = |t: f32| acid.cut * semitones(12.0 * octaves(t));
    acid_filter(source, cut, acid.resonance).env(|t| attack(t, 0.003)).drive(acid.drive)
}

/// A resonant saw line's note, accented.
pub(crate) fn bass_acid_saw(p: &Patch) -> Sound {
    let acid =
        Acid { cut: p.cut(420.0), sweep: 3.3, t60: 0.66, accent: 0.8, resonance: 3.5, drive: 8.0 };
    let hz = p.hz();
    acid_voice(saw(0.5, |_| hz, 0.0), &acid)
        .env(adsr(0.003, 1.4, 0.3, 0.02, 0.38))
        .fades(0.001, 0.01)
        .finish(28.0)
}

/// The same from a pulse: hollow.
pub(crate) fn bass_acid_square(p: &Patch) -> Sound {
    let acid =
        Acid { cut: p.cut(480.0), sweep: 2.9, t60: 0.78, accent: 0.3, resonance: 3.6, drive: 7.0 };
    let hz = p.hz();
    acid_voice(pulse(0.45, |_| hz, 0.46, 0.0), &acid)
        .env(adsr(0.003, 1.4, 0.3, 0.02, 0.36))
        .finish(28.0)
}

/// The off-beat bass of trance.
pub(crate) fn bass_rolling(p: &Patch) -> Sound {
    rolling(p.hz(), 0.3, |t| p.cut(420.0) + 3600.0 * decay(t, 0.26), 0.35)
        .env(adsr(0.002, 0.25, 0.55, 0.03, 0.19))
        .drive(5.0)
        .finish(28.0)
}

/// The rolling bass as a loop plays it: velocity opens the filter.
pub(crate) fn rolling_note(note: Note) -> Sound {
    let open = 1200.0 + 2600.0 * note.velocity;
    rolling(note.hz, f64::from(note.gate) + RELEASE, |t| 300.0 + open * decay(t, 0.2), 0.4)
        .env(adsr(0.002, 0.2, 0.55, 0.02, 0.8 * note.gate))
        .drive(5.0)
}

fn rolling(hz: f32, seconds: f64, cut: impl Fn(f32) -> f32, sub: f32) -> Sound {
    let source = saw(seconds, |_| hz, 0.0) * 0.6 + pulse(seconds, |_| 1.003 * hz, 0.4, 0.2) * 0.4;
    (source * 1.6).ladder(cut, 1.1, 1.2) + sine(seconds, |_| hz) * sub
}

/// A bouncing phase-modulated bass.
pub(crate) fn bass_fm_donk(p: &Patch) -> Sound {
    let hz = p.hz();
    cycles(
        0.4,
        |_| hz,
        |t, c| {
            let inner = pm(2.0 * c, 1.1 * decay(t, 0.10) * sin(5.0 * c));
            let index = p.index(2.6 * decay(t, 0.3) + 0.9);
            pm(c, index * inner) * decay(t, 0.7) * attack(t, 0.003)
        },
    )
    .env(adsr(0.001, 0.5, 0.5, 0.05, 0.3))
    .drive(6.0)
    .finish(28.0)
}

/// A phase-modulated bass through a mouth that opens and closes three times a second.
pub(crate) fn bass_fm_growl(p: &Patch) -> Sound {
    let hz = p.hz();
    let open = |t: f32| 0.5 + 0.5 * sin32(3.0 * t - 0.25);
    let tone =
        cycles(1.2, |_| hz, |t, c| pm(c, p.index(1.2 + 2.2 * open(t)) * pm(2.0 * c, 1.1 * sin(c))));
    let mouth = tone.clone().drive(10.0).vowels(Vowel::Oh, Vowel::Ah, 1.0, open);
    (mouth * 0.9 + tone.lp(4, 110.0) * 0.9)
        .drive(7.0)
        .squeezed(&Squeeze { threshold: -16.0, ratio: 4.0, attack_ms: 8.0, release_ms: 90.0 })
        .env(adsr(0.006, 0.4, 0.9, 0.08, 1.05))
        .finish(24.0)
}

/// Drawbars of the organ bass: harmonic, amplitude, T60.
const ORGAN: [(f64, f32, f32); 7] = [
    (1.0, 0.8, 1.4),
    (2.0, 0.8, 1.2),
    (3.0, 0.45, 0.8),
    (4.0, 0.4, 0.6),
    (6.0, 0.28, 0.35),
    (8.0, 0.22, 0.25),
    (12.0, 0.1, 0.15),
];

fn organ(hz: f32, seconds: f64, drawbars: &[(f64, f32, f32)]) -> Sound {
    cycles(
        seconds,
        |_| hz,
        |t, c| drawbars.iter().map(|(k, level, t60)| level * decay(t, *t60) * sin(k * c)).sum(),
    )
}

/// House organ bass: harmonics that die one after the other.
pub(crate) fn bass_house_organ(p: &Patch) -> Sound {
    let body = organ(p.hz(), 0.5, &ORGAN).env(adsr(0.002, 0.35, 0.5, 0.05, 0.3));
    (body + p.click(800.0, 6000.0, 0.012) * 0.25).drive(6.0).finish(28.0)
}

/// The organ bass as a loop plays it.
pub(crate) fn organ_note(note: Note) -> Sound {
    organ(note.hz, f64::from(note.gate) + RELEASE, &ORGAN[..6])
        .env(adsr(0.002, 0.35, 0.5, 0.02, 0.9 * note.gate))
        .drive(6.0)
}

/// Saw and pulses, driven hard above a clean sine.
pub(crate) fn bass_industrial(p: &Patch) -> Sound {
    industrial(p.hz(), 0.6, |t| p.cut(280.0) + 2400.0 * decay(t, 0.35), 0.7)
        .env(adsr(0.002, 0.5, 0.7, 0.04, 0.45))
        .clip(2.0, 0.8)
        .finish(26.0)
}

/// The industrial bass as a loop plays it.
pub(crate) fn industrial_note(note: Note) -> Sound {
    let open = 2600.0 * note.velocity;
    industrial(note.hz, f64::from(note.gate) + RELEASE, |t| 280.0 + open * decay(t, 0.3), 0.6)
        .env(adsr(0.002, 0.4, 0.7, 0.02, 0.85 * note.gate))
}

fn industrial(hz: f32, seconds: f64, cut: impl Fn(f32) -> f32, sub: f32) -> Sound {
    let source = saw(seconds, |_| hz, 0.0)
        + pulse(seconds, |_| 0.997 * hz, 0.3, 0.3)
        + pulse(seconds, |_| 2.008 * hz, 0.5, 0.0) * 0.5;
    let driven = (source * 0.5)
        .svf_lp(cut, 2.2)
        .hp(2, 70.0)
        .drive_biased(22.0, 0.2)
        .lp(2, 4200.0)
        .bell(900.0, 4.0, 1.2);
    driven * 0.55 + sine(seconds, |_| hz) * sub
}

/// A long saturated sine that slides down at its start.
pub(crate) fn bass_808_glide(p: &Patch) -> Sound {
    let hz = p.hz();
    let pitch = |t: f32| hz * (1.0 + 1.6 * fall(t, 0.014) + 0.12 * fall(t, 0.12));
    let ring = |t: f32| (0.35 * decay(t, 0.35) + 0.65 * decay(t, 2.4)) * attack(t, 0.002);
    let body =
        sine(1.5, pitch).env(ring).env(adsr(0.001, 2.0, 0.6, 0.15, 1.2)).drive_biased(13.0, 0.22);
    (body + p.click(500.0, 5000.0, 0.016) * 0.25).high_shelf(300.0, 4.0).finish(22.0)
}

/// A monophonic line's curves, one value per frame: what the acid loop is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    /// Frequency, Hz.
    pub hz: Vec<f32>,
    /// Cut-off, Hz.
    pub cut: Vec<f32>,
    /// Amplitude.
    pub level: Vec<f32>,
}

impl Line {
    /// Plays the line through the acid filter.
    pub(crate) fn play(&self) -> Sound {
        let at = |curve: &[f32], t: f32| curve[frame(t).min(curve.len() - 1)];
        let seconds = self.hz.len() as f64 / crate::synth::sound::RATE;
        let source = saw(seconds, |t| at(&self.hz, t), 0.0);
        let level = Sound::mono(self.level.clone());
        (acid_filter(source, |t| at(&self.cut, t), 3.5) * &level).drive(9.0)
    }
}

/// The frame at a time made by `time`.
fn frame(t: f32) -> usize {
    debug_assert!((time(1) * 44_100.0 - 1.0).abs() < 1e-6);
    (f64::from(t) * crate::synth::sound::RATE).round() as usize
}
