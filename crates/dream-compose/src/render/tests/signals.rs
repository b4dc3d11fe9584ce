//! What is handed out while rendering.

use super::*;

/// All samples of a signal, left then right, by its name.
type Signals = BTreeMap<String, [Vec<f32>; 2]>;

fn name(signal: Signal<'_>) -> String {
    match signal {
        Signal::Layer { index, .. } => format!("layer {index}"),
        Signal::Bus(bus) => format!("bus {}", bus.name()),
        Signal::Reverb => "reverb".to_owned(),
        Signal::Delay => "delay".to_owned(),
        Signal::Mix => "mix".to_owned(),
    }
}

fn signals(
    plan: &ArrangementPlan,
    casting: &Casting,
    clips: &BTreeMap<StemId, Clip>,
) -> (Signals, Take) {
    let mut signals = Signals::new();
    let mut sink = |signal: Signal<'_>, sides: [&[f32]; 2]| {
        let all = signals.entry(name(signal)).or_default();
        for (all, side) in all.iter_mut().zip(sides) {
            all.extend_from_slice(side);
        }
        Ok(())
    };
    let take = render_to(plan, casting, clips, &mut sink, &Progress::silent()).unwrap();
    (signals, take)
}

/// Three sections of drums, bass, notes, a loop and a texture, with moving filters.
fn song() -> ArrangementPlan {
    let queries = |bars: u32| {
        let mut stab = hits(Role::Stab, bars, 1.5, 0.0);
        stab.notes.iter_mut().for_each(|note| note.length = 3.0);
        stab.automation = vec![Automation {
            what: Automate::LowpassHz,
            from_bar: 0.0,
            to_bar: 2.0,
            from: 300.0,
            to: 9_000.0,
        }];
        let mut hat = hits(Role::Hat, bars, 0.25, 0.0);
        hat.gain_db = f64::from(bars) / 4.0;
        let open = hits(Role::OpenHat, bars, 1.0, 0.5);
        let kick = hits(Role::Kick, bars, 1.0, 0.0);
        let (break_loop, pad) = (hits(Role::Break, bars, 3.0, 0.0), query(Role::Pad, bars));
        vec![kick, hat, open, stab, query(Role::Bass, bars), break_loop, pad]
    };
    let mut plan = plan(
        128.0,
        vec![section(4, 0.5, queries(4)), section(2, 1.0, queries(2)), section(8, 0.8, queries(8))],
    );
    plan.swing = 56.0;
    plan.genre = "industrial techno".to_owned();
    plan
}

fn cast(plan: &ArrangementPlan) -> (Casting, BTreeMap<StemId, Clip>) {
    casting(plan, |role| match role {
        Role::Pad => (tone(441.0, 3.1), Form::Free),
        Role::Bass => (tone(55.0, 1.9), Form::Loop),
        Role::Break => (tone(200.0, 2.0), Form::Loop),
        Role::Stab => (tone(330.0, 2.0), Form::OneShot),
        _ => (click(), Form::OneShot),
    })
}

#[test]
fn buses_and_returns_sum_to_the_mix_and_all_are_of_the_same_length() {
    let plan = song();
    let (casting, clips) = cast(&plan);
    let (signals, take) = signals(&plan, &casting, &clips);
    assert!(signals.values().flatten().all(|side| side.len() as u64 == length(&plan).0));
    assert_eq!(take.clip.frames(), length(&plan));
    let parts = signals.keys().filter(|name| !name.starts_with("layer") && *name != "mix");
    assert_eq!(parts.clone().count(), Bus::ALL.len() + 2);
    for side in 0..2 {
        let mix = &signals["mix"][side];
        let (mut error, mut power) = (0.0, 0.0);
        for (i, mix) in mix.iter().enumerate() {
            let sum: f64 = parts.clone().map(|name| f64::from(signals[name][side][i])).sum();
            error += (sum - f64::from(*mix)).powi(2);
            power += f64::from(mix * mix);
        }
        let db = 10.0 * (error / power).log10();
        assert!(db < -120.0, "{db} dB");
    }
}

#[test]
fn a_section_played_anew_changes_no_layer_elsewhere_and_no_bus_but_for_eight_seconds() {
    let plan = song();
    let (casting, clips) = cast(&plan);
    let frozen = freeze(&plan, &casting, &clips).unwrap();
    let mut anew = plan.clone();
    anew.structure[1].seed = 99;
    for query in &mut anew.structure[1].stem_queries {
        for (i, note) in query.notes.iter_mut().enumerate() {
            note.beat = (note.beat + 0.25 * (i % 3) as f64).min(7.75);
            note.velocity = 0.6 + 0.1 * (i % 4) as f64;
        }
        query.notes.truncate(query.notes.len().saturating_sub(1));
    }
    let (old, before) = signals(&plan, &frozen, &clips);
    let (new, after) = signals(&anew, &frozen, &clips);
    assert_eq!(before.report.layers.len(), after.report.layers.len());
    let time = Timeline::of(&plan);
    let (from, to) = (time.bar(4.0) as usize, time.bar(6.0) as usize);
    for (name, sides) in &old {
        let settled = if name.starts_with("layer") { to } else { to + frames(8.0) as usize };
        assert!(settled < sides[0].len() - 44_100, "the test is long enough");
        for (side, again) in sides.iter().zip(&new[name]) {
            let differs = |range: std::ops::Range<usize>| {
                range.clone().find(|i| side[*i].to_bits() != again[*i].to_bits())
            };
            assert_eq!(differs(0..from), None, "{name} before, section at {from}");
            assert_eq!(differs(settled..side.len()), None, "{name} after, section to {to}");
        }
    }
    let changed = |name: &str| old[name] != new[name];
    assert!(changed("mix") && changed("layer 0") && changed("layer 3"));
}

#[test]
fn levels_once_frozen_are_kept() {
    let plan = song();
    let (casting, clips) = cast(&plan);
    let frozen = freeze(&plan, &casting, &clips).unwrap();
    let (first, _) = signals(&plan, &casting, &clips);
    let (again, take) = signals(&plan, &frozen, &clips);
    assert!(first == again, "what is measured is what is frozen");
    let levels = frozen.parts.iter().map(|part| part.stems[0].level_db);
    assert!(levels.eq(take.report.layers.iter().map(|layer| layer.level_db)));
}

#[test]
fn a_break_plays_the_sixteenths_that_its_notes_name() {
    // A bar whose sixteenths are tones of rising pitch.
    let sixteenth = 5_168; // at 128 bpm
    let wave = (0..16 * sixteenth).map(|i| {
        let hz = 400.0 * f64::from(1 + i / sixteenth);
        (0.5 * (std::f64::consts::TAU * hz * f64::from(i % sixteenth) / 44_100.0).sin()) as f32
    });
    let clip = Clip::mono(RATE, wave.collect());
    let mut part = query(Role::Break, 2);
    part.notes = [(0.0, 36), (0.5, 43), (4.25, 39)]
        .map(|(beat, pitch)| Note { beat, length: 0.25, velocity: 1.0, pitch: Some(pitch) })
        .to_vec();
    let plan = plan(128.0, vec![section(2, 1.0, vec![part])]);
    let all = scores(&plan, |_| (clip.clone(), Form::Loop));
    let out = alone(&all[0], 8 * 4 * sixteenth as usize);
    let crossings = |beat: f64| {
        let at = plan.bpm.frame_of(beat, RATE).index();
        let piece = &out[at + 500..at + 500 + 4_000];
        piece.windows(2).filter(|w| w[0] <= 0.0 && w[1] > 0.0).count()
    };
    for (beat, slice) in [(0.0, 0), (0.5, 7), (4.25, 3)] {
        let expected = (400 * (1 + slice) * 4_000) / 44_100;
        assert!(
            crossings(beat).abs_diff(expected) <= expected / 10 + 1,
            "{beat}: {}",
            crossings(beat)
        );
    }
    let rest = plan.bpm.frame_of(2.0, RATE).index();
    assert!(out[rest..rest + 4_000].iter().all(|x| x.abs() < 1e-6), "it rests between");
}
