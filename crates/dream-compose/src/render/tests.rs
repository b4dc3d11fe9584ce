use dream_core::{
    ArrangementPlan, Bpm, Form, Note, Role, Section, Source, StemQuery, Transition, TransitionKind,
};

use super::*;
use crate::CastPart;

fn query(role: Role, bars: u32) -> StemQuery {
    StemQuery {
        role,
        category: role.categories()[0],
        tags: Vec::new(),
        text: String::new(),
        count: 1,
        required: true,
        gain_db: 0.0,
        pan: 0.0,
        enter_bar: 0,
        leave_bar: bars,
        notes: Vec::new(),
        automation: Vec::new(),
    }
}

fn note(beat: f64, pitch: Option<u8>) -> Note {
    Note { beat, length: 0.5, velocity: 1.0, pitch }
}

fn hits(role: Role, bars: u32, step: f64, first: f64) -> StemQuery {
    let count = ((f64::from(bars) * 4.0 - first) / step).ceil() as usize;
    let notes = (0..count).map(|i| note(first + i as f64 * step, None)).collect();
    StemQuery { notes, ..query(role, bars) }
}

fn section(bars: u32, energy: f64, stem_queries: Vec<StemQuery>) -> Section {
    Section {
        section: "Part".to_owned(),
        bars,
        energy,
        seed: u64::from(bars),
        stem_queries,
        transitions: Vec::new(),
    }
}

fn plan(bpm: f64, structure: Vec<Section>) -> ArrangementPlan {
    let total_bars = structure.iter().map(|section| section.bars).sum();
    ArrangementPlan {
        schema: 1,
        prompt: String::new(),
        seed: 1,
        bpm: Bpm::new(bpm).unwrap(),
        key: Some("A minor".parse().unwrap()),
        genre: "techno".to_owned(),
        moods: Vec::new(),
        swing: 50.0,
        total_bars,
        estimated_duration_s: f64::from(total_bars) * 240.0 / bpm,
        loudness_lufs: -24.0,
        structure,
    }
}

/// A click that decays within 50 ms.
fn click() -> Clip {
    let sample = |i: i32| {
        let t = f64::from(i) / 44_100.0;
        ((1.0 - t / 0.05) * (std::f64::consts::TAU * 1_000.0 * t).cos()) as f32
    };
    Clip::mono(RATE, (0..2_205).map(sample).collect())
}

/// A steady tone of a whole number of periods.
fn tone(hz: f64, seconds: f64) -> Clip {
    let count = (seconds * 44_100.0).round() as usize;
    let sample = |i: usize| (std::f64::consts::TAU * hz * i as f64 / 44_100.0).sin() as f32 * 0.5;
    Clip::mono(RATE, (0..count).map(sample).collect())
}

fn stem(id: i64, form: Form) -> CastStem {
    CastStem {
        id: StemId(id),
        hash: format!("{id:064}"),
        name: format!("stem {id}"),
        source: Source::Original,
        kit: None,
        licence: None,
        form,
        chord: Vec::new(),
        bpm: None,
        bars: None,
        key: None,
        root: None,
        ratio: 1.0,
        semitones: 0.0,
        gain_db: 0.0,
        score: 0.0,
        why: BTreeMap::new(),
    }
}

/// Each part of the plan gets the clip and the form given for its role.
fn casting(
    plan: &ArrangementPlan,
    choose: impl Fn(Role) -> (Clip, Form),
) -> (Casting, BTreeMap<StemId, Clip>) {
    let mut casting = Casting { parts: Vec::new(), warnings: Vec::new() };
    let mut clips = BTreeMap::new();
    for (i, part) in plan.parts().into_iter().enumerate() {
        let (clip, form) = choose(part.role);
        let stem = stem(i as i64 + 1, form);
        clips.insert(stem.id, clip);
        casting.parts.push(CastPart { part, stems: vec![stem] });
    }
    (casting, clips)
}

fn rendered(plan: &ArrangementPlan, choose: impl Fn(Role) -> (Clip, Form)) -> Take {
    let (casting, clips) = casting(plan, choose);
    let take = render(plan, &casting, &clips, &Progress::silent()).unwrap();
    assert!(take.clip.samples().iter().all(|x| x.is_finite()));
    take
}

/// The level of a span of seconds, dB.
fn level_db(take: &Take, from_s: f64, to_s: f64) -> f64 {
    let (from, to) = (frames(from_s) as usize, frames(to_s) as usize);
    let power: f64 = take
        .clip
        .iter_channels()
        .flat_map(|channel| &channel[from..to])
        .map(|x| f64::from(x * x))
        .sum();
    10.0 * (power / (2 * (to - from)) as f64).max(1e-12).log10()
}

#[test]
fn kicks_lie_on_the_grid_even_after_five_minutes() {
    let bars = 176;
    let plan = plan(138.0, vec![section(bars, 1.0, vec![hits(Role::Kick, bars, 1.0, 0.0)])]);
    let take = rendered(&plan, |_| (click(), Form::OneShot));
    let left = take.clip.channel(0);
    for beat in [0, 1, 350, 703] {
        let at = plan.bpm.frame_of(f64::from(beat), RATE).index();
        let peak = left[at..at + 40].iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        let before = left[at.saturating_sub(200)..at.saturating_sub(2)]
            .iter()
            .fold(0.0_f32, |p, x| p.max(x.abs()));
        let onset = (at.saturating_sub(50)..).find(|i| left[*i].abs() > 0.1 * peak).unwrap();
        assert!(onset.abs_diff(at) <= 1, "beat {beat}: {onset} for {at}");
        assert!(before < 0.03 * peak, "beat {beat}");
    }
}

#[test]
fn a_silence_is_silent_and_the_downbeat_after_it_is_whole() {
    let mut first = section(4, 0.5, vec![hits(Role::Kick, 4, 1.0, 0.0), query(Role::Pad, 4)]);
    first.transitions.push(Transition { kind: TransitionKind::Silence, bar: 3.75, beats: 1.0 });
    let second = section(4, 1.0, vec![hits(Role::Kick, 4, 1.0, 0.0), query(Role::Pad, 4)]);
    let plan = plan(120.0, vec![first, second]);
    let take = rendered(&plan, |role| match role {
        Role::Kick => (click(), Form::OneShot),
        _ => (tone(441.0, 2.0), Form::Free),
    });
    let (before, silent) = (level_db(&take, 6.5, 7.5), level_db(&take, 7.7, 7.95));
    assert!(silent < before - 25.0, "{silent} after {before}");
    assert!(level_db(&take, 8.0, 8.03) > before);
}
