//! The kit is rendered once and every stem is checked.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use dream_core::SampleRate;
use rayon::prelude::*;

use super::*;
use crate::synth::sound::RATE;

const SEED: Seed = Seed(0);

fn kit() -> &'static [(Recipe, Clip)] {
    static KIT: OnceLock<Vec<(Recipe, Clip)>> = OnceLock::new();
    KIT.get_or_init(|| {
        let render = |recipe: Recipe| {
            let clip = recipe.render(SEED);
            (recipe, clip)
        };
        recipes().into_par_iter().map(render).collect()
    })
}

fn db(power: f64) -> f64 {
    10.0 * power.max(1e-20).log10()
}

fn power(x: &[f32]) -> f64 {
    x.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() / x.len().max(1) as f64
}

/// Holds for every stem, or fails with all that break it.
#[track_caller]
fn check(holds: impl Fn(&Recipe, &Clip) -> Result<(), String>) {
    let broken: Vec<String> = kit()
        .iter()
        .filter_map(|(recipe, clip)| {
            holds(recipe, clip).err().map(|problem| format!("{}: {problem}", recipe.name))
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn within(what: &str, value: f64, low: f64, high: f64) -> Result<(), String> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(format!("{what} is {value:.5}, wanted {low}..={high}"))
    }
}

#[test]
fn there_is_enough_of_everything_under_unique_names() {
    let names: BTreeSet<&str> = kit().iter().map(|(recipe, _)| recipe.name.as_str()).collect();
    assert_eq!(names.len(), kit().len());
    assert!(kit().len() >= 160, "{}", kit().len());
    for (category, least) in [
        (Category::Kick, 16),
        (Category::Snare, 16),
        (Category::Hihat, 16),
        (Category::Percussion, 16),
        (Category::Bass, 16),
        (Category::Clap, 8),
        (Category::Synth, 16),
        (Category::Lead, 8),
        (Category::Vocals, 8),
    ] {
        let of_category = |(recipe, _): &&(Recipe, Clip)| {
            recipe.category == category && recipe.form == Form::OneShot
        };
        assert!(kit().iter().filter(of_category).count() >= least, "{category}");
    }
    for category in [Category::Pad, Category::Atmo, Category::Fx, Category::Drums] {
        assert!(kit().iter().filter(|(recipe, _)| recipe.category == category).count() >= 7);
    }
}

#[test]
fn knobs_turned_far_make_another_sound_that_is_as_clean() {
    check(|recipe, _| {
        if recipe.form != Form::OneShot {
            return Ok(());
        }
        let turned = recipe.render_turned(3.0, SEED);
        if !turned.iter_channels().flatten().all(|x| x.is_finite()) {
            return Err("not finite".to_owned());
        }
        within("the peak", f64::from(turned.peak()), 0.1, 1.0)
    });
    let kick = &kit()[0];
    assert!(kick.0.render_turned(3.0, SEED) != kick.1);
    assert!(kick.0.render_turned(0.0, SEED) == kick.1);
}

#[test]
fn every_style_finds_every_role() {
    for style in ["techno", "industrial", "house", "dub", "dnb", "trance", "lofi", "ambient"] {
        for role in [
            &[Category::Kick][..],
            &[Category::Snare, Category::Clap],
            &[Category::Hihat],
            &[Category::Percussion, Category::Hihat],
            &[Category::Bass],
            &[Category::Synth, Category::Lead],
            &[Category::Pad, Category::Atmo],
        ] {
            let fits = |(recipe, _): &(Recipe, Clip)| {
                role.contains(&recipe.category) && recipe.tags.contains(&style)
            };
            assert!(kit().iter().any(fits), "{style} {role:?}");
        }
    }
}

#[test]
fn samples_are_finite_and_peaks_are_where_they_belong() {
    check(|recipe, clip| {
        if !clip.samples().iter().all(|x| x.is_finite()) {
            return Err("not finite".to_owned());
        }
        let peak = 20.0 * f64::from(clip.peak()).log10();
        match (recipe.form, recipe.name.as_str()) {
            (Form::Loop, _) => within("peak", peak, -14.0, -1.0),
            (_, "atmo_vinyl") => within("peak", peak, -3.1, -2.9),
            _ => within("peak", peak, -1.1, -0.9),
        }
    });
}

#[test]
fn there_is_no_offset_and_no_click_at_the_ends() {
    check(|recipe, clip| {
        for x in clip.iter_channels() {
            let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / x.len() as f64;
            within("mean", mean, -1e-3, 1e-3)?;
            if recipe.form != Form::Loop {
                within("first", f64::from(x[0]), -0.05, 0.05)?;
                within("last", f64::from(x[x.len() - 1]), -1e-3, 1e-3)?;
            }
            let full = clip.peak() * 0.9999;
            let flat = x.windows(4).any(|w| {
                w[0].abs() >= full
                    && w.windows(2).all(|pair| pair[0].to_bits() == pair[1].to_bits())
            });
            if flat {
                return Err("a run of equal samples at full scale".to_owned());
            }
        }
        Ok(())
    });
}

#[test]
fn loops_have_exactly_their_bars() {
    check(|recipe, clip| {
        let (Some(bpm), Some(bars)) = (recipe.bpm, recipe.bars) else {
            let loops = recipe.form == Form::Loop;
            return if loops { Err("a loop without a tempo".to_owned()) } else { Ok(()) };
        };
        let exact = (f64::from(bars) * 240.0 / bpm.get() * RATE).round();
        within("length", clip.len() as f64, exact, exact)?;
        within("channels", clip.channels() as f64, 2.0, 2.0)
    });
}

#[test]
fn one_shots_start_at_once_and_end_in_silence() {
    const LOUD_ENDS: [&str; 4] = ["fx_riser", "fx_riser_short", "fx_reverse_crash", "kick_rumble"];
    check(|recipe, clip| {
        if recipe.form == Form::Loop {
            return Ok(());
        }
        let mono = clip.to_mono();
        let (ms5, ms20) = (220, 882);
        if !LOUD_ENDS.contains(&recipe.name.as_str()) {
            within("end", db(power(&mono[mono.len() - ms5..])), -200.0, -50.0)?;
        }
        let audible = |x: &f32| x.abs() > 3e-7;
        let last = mono.iter().rposition(audible).unwrap_or(0);
        within("silence at the end", (mono.len() - last) as f64, 0.0, f64::from(ms20))?;
        let limit_ms = match recipe.category {
            Category::Kick | Category::Snare | Category::Clap | Category::Hihat => 3.0,
            Category::Bass => 6.0,
            Category::Percussion => 12.0,
            _ => return Ok(()),
        };
        let slow = ["brush", "shaker", "soft", "crash"];
        if slow.iter().any(|word| recipe.tags.contains(word)) {
            return Ok(());
        }
        let onset = mono.iter().position(|x| x.abs() > 0.1 * clip.peak()).unwrap_or(0);
        within("onset in ms", onset as f64 / RATE * 1000.0, 0.0, limit_ms)
    });
}

/// Cents between the stated root and the strongest of its harmonics 1 to 4, 120 ms after the start, by the
/// phase that its component gains in 50 ms.
fn cents_off(mono: &[f32], hz: f64) -> f64 {
    let component = |order: f64, start: f64| {
        let (mut re, mut im) = (0.0, 0.0);
        let (from, len) = ((start * RATE) as usize, (0.1 * RATE) as usize);
        for (i, &x) in mono.iter().enumerate().skip(from).take(len) {
            let window = (std::f64::consts::PI * (i - from) as f64 / len as f64).sin().powi(2);
            let angle = std::f64::consts::TAU * hz * order * i as f64 / RATE;
            re += window * f64::from(x) * angle.cos();
            im -= window * f64::from(x) * angle.sin();
        }
        (re.hypot(im), im.atan2(re))
    };
    let strongest = (1..=4)
        .map(f64::from)
        .max_by(|a, b| component(*a, 0.12).0.total_cmp(&component(*b, 0.12).0));
    let order = strongest.unwrap_or(1.0);
    let lag = 0.02;
    let turns = (component(order, 0.12 + lag).1 - component(order, 0.12).1) / std::f64::consts::TAU;
    1200.0 * (1.0 + (turns - turns.round()) / lag / (hz * order)).log2()
}

#[test]
fn single_notes_are_in_tune() {
    // By design: beating saws, vibrato, voices, glides and inharmonic metal.
    const FREE: [&str; 8] =
        ["hoover", "reese", "vox", "metal_fm", "glide", "screech", "trance", "bass_industrial"];
    let mut checked = 0;
    for (recipe, clip) in kit() {
        let Make::OneShot { note, chord, .. } = &recipe.make else { continue };
        let single = recipe.root.is_some() && chord.len() == 1;
        if !single || FREE.iter().any(|word| recipe.name.contains(word)) {
            continue;
        }
        let hz = f64::from(crate::synth::patch::midi_hz(f32::from(*note)));
        let cents = cents_off(&clip.to_mono(), hz);
        assert!(cents.abs() < 10.0, "{}: {cents} cents", recipe.name);
        checked += 1;
    }
    assert!(checked >= 20, "{checked}");
}

#[test]
fn stereo_is_safe_in_mono_and_centred_below_100_hz() {
    check(|recipe, clip| {
        if clip.channels() == 1 {
            return Ok(());
        }
        let side: Vec<f32> =
            clip.channel(0).iter().zip(clip.channel(1)).map(|(l, r)| 0.5 * (l - r)).collect();
        let total = 0.5 * (power(clip.channel(0)) + power(clip.channel(1)));
        let low = Sound::mono(side).lp(8, 100.0).power();
        within("low side", db(low / total), -200.0, -27.0)?;
        let noisy = recipe.category == Category::Fx || recipe.tags.contains(&"noise");
        let loss = db(power(&clip.to_mono()) / total);
        within("mono sum", loss, if noisy { -3.5 } else { -2.2 }, 0.1)?;
        let cross: f64 = clip
            .channel(0)
            .iter()
            .zip(clip.channel(1))
            .map(|(&l, &r)| f64::from(l) * f64::from(r))
            .sum::<f64>()
            / clip.len() as f64;
        let correlation =
            cross / (power(clip.channel(0)) * power(clip.channel(1))).sqrt().max(1e-12);
        within("correlation", correlation, -0.1, 1.0)
    });
}

#[test]
fn held_sounds_keep_moving() {
    check(|recipe, clip| {
        let held = match recipe.category {
            Category::Pad | Category::Atmo => true,
            Category::Lead => clip.seconds() > 1.0,
            _ => false,
        };
        if !held {
            return Ok(());
        }
        within("flux", flux(&clip.to_mono()), 1.1, 50.0)
    });
}

/// Mean change in dB over 24 bands from 60 Hz to 16 kHz, 23 ms apart, floor -60 dB, where the sound is within
/// 40 dB of its loudest moment.
fn flux(mono: &[f32]) -> f64 {
    const SIZE: usize = 1024;
    let edge = |k: i32| 60.0 * (16_000.0_f64 / 60.0).powf(f64::from(k) / 24.0);
    let bin = |hz: f64| (hz * SIZE as f64 / RATE).ceil() as usize;
    let bands: Vec<(usize, usize)> =
        (0..24).map(|k| (bin(edge(k)), bin(edge(k + 1).max(edge(k) + 45.0)))).collect();
    let transform = realfft::RealFftPlanner::<f32>::new().plan_fft_forward(SIZE);
    let mut spectrum = transform.make_output_vec();
    let levels: Vec<Vec<f64>> = mono
        .windows(SIZE)
        .step_by(SIZE / 2)
        .map(|part| {
            let hann = |(i, x): (usize, &f32)| {
                x * (std::f32::consts::PI * i as f32 / SIZE as f32).sin().powi(2)
            };
            let mut block: Vec<f32> = part.iter().enumerate().map(hann).collect();
            transform.process(&mut block, &mut spectrum).unwrap();
            let power = |&(from, to): &(usize, usize)| {
                spectrum[from..to].iter().map(|bin| f64::from(bin.norm_sqr())).sum::<f64>()
            };
            bands.iter().map(power).collect()
        })
        .collect();
    let top = levels.iter().flatten().fold(0.0_f64, |top, x| top.max(*x));
    let loudest = levels.iter().map(|l| l.iter().sum::<f64>()).fold(0.0, f64::max);
    let level = |x: f64| 10.0 * (x / top + 1e-6).log10();
    let changes: Vec<f64> = levels
        .windows(3)
        .filter(|w| w[2].iter().sum::<f64>() > 1e-4 * loudest)
        .flat_map(|w| w[0].iter().zip(&w[2]).map(|(a, b)| (level(*a) - level(*b)).abs()))
        .collect();
    changes.iter().sum::<f64>() / changes.len().max(1) as f64
}

#[test]
fn loops_join_without_a_seam() {
    check(|recipe, clip| {
        if recipe.form != Form::Loop {
            return Ok(());
        }
        for x in clip.iter_channels() {
            let mut steps: Vec<f32> = x.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
            let at = steps.len() * 999 / 1000;
            let (_, usual, _) = steps.select_nth_unstable_by(at, f32::total_cmp);
            let jump = (x[0] - x[x.len() - 1]).abs();
            within("jump", f64::from(jump / *usual), 0.0, 1.0)?;
        }
        Ok(())
    });
}

#[test]
fn loops_are_as_loud_as_their_category() {
    check(|recipe, clip| {
        if recipe.form != Form::Loop {
            return Ok(());
        }
        let mut meter = ebur128::EbuR128::new(
            2,
            SampleRate::LIBRARY.0,
            ebur128::Mode::I | ebur128::Mode::TRUE_PEAK,
        )
        .unwrap();
        meter.add_frames_planar_f32(&[clip.channel(0), clip.channel(1)]).unwrap();
        let target = crate::synth::loops::loudness_target(recipe.category);
        within("loudness", meter.loudness_global().unwrap(), target - 1.0, target + 1.0)?;
        let peak = meter.true_peak(0).unwrap().max(meter.true_peak(1).unwrap());
        within("true peak", 20.0 * peak.log10(), -40.0, -1.0)
    });
}

fn digest(clip: &Clip) -> u64 {
    let fnv = |hash: u64, x: &f32| {
        (hash ^ u64::from(x.to_bits())).wrapping_mul(0x0100_0000_01b3).rotate_left(23)
    };
    clip.samples().iter().fold(clip.len() as u64, fnv)
}

#[test]
fn no_two_stems_are_equal() {
    let digests: BTreeSet<u64> = kit().iter().map(|(_, clip)| digest(clip)).collect();
    assert_eq!(digests.len(), kit().len());
}

#[test]
fn the_same_seed_gives_the_same_bytes_in_any_order() {
    for (recipe, clip) in kit().iter().rev().step_by(9) {
        assert_eq!(digest(&recipe.render(SEED)), digest(clip), "{}", recipe.name);
    }
    let other = &kit()[0].0;
    assert_ne!(digest(&other.render(Seed(1))), digest(&kit()[0].1));
}

#[test]
fn characters_do_what_they_say() {
    for (recipe, clip) in kit() {
        let Make::OneShot { treatment: Treatment::Character(character), .. } = &recipe.make else {
            continue;
        };
        let plain = recipe.name.strip_suffix(&format!("_{}", character.name())).unwrap();
        let (_, plain) = kit().iter().find(|(recipe, _)| recipe.name == plain).unwrap();
        let sound = |clip: &Clip| Sound::mono(clip.to_mono());
        let ratio = sound(clip).centroid() / sound(plain).centroid();
        let side = |clip: &Clip| {
            let [l, r] = clip.stereo();
            l.iter().zip(r).map(|(l, r)| f64::from((l - r).powi(2))).sum::<f64>()
                / clip.len() as f64
        };
        let holds = match character {
            Character::Dark | Character::Deep | Character::Lofi => ratio < 0.97,
            Character::Soft => ratio < 1.0,
            Character::Bright => ratio > 1.03,
            Character::Distorted | Character::Metallic => (ratio - 1.0).abs() > 0.01,
            Character::Wet => clip.len() > plain.len(),
            Character::Wide => side(clip) > side(plain) + 1e-6,
        };
        assert!(holds, "{}: centroid ratio {ratio}", recipe.name);
    }
}
