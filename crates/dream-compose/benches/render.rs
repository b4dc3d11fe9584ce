//! A whole track: six and a half minutes, twenty layers of synthesised clicks, tones and noise.

use std::collections::BTreeMap;

use divan::Bencher;
use dream_audio::Clip;
use dream_compose::{CastPart, CastStem, Casting, render};
use dream_core::{
    ArrangementPlan, Bpm, Form, Note, Progress, Role, SampleRate, Section, Seed, Source, StemId,
    StemQuery,
};
use rand::RngExt;

fn main() {
    divan::main();
}

const HITS: [(Role, f64, f64); 10] = [
    (Role::Kick, 1.0, 0.0),
    (Role::Clap, 2.0, 1.0),
    (Role::Hat, 0.25, 0.0),
    (Role::OpenHat, 1.0, 0.5),
    (Role::Ride, 0.5, 0.0),
    (Role::Shaker, 0.25, 0.0),
    (Role::Perc, 0.75, 0.0),
    (Role::Bass, 0.5, 0.5),
    (Role::Stab, 1.5, 0.5),
    (Role::Lead, 0.5, 0.0),
];
const RUNNING: [(Role, Form); 6] = [
    (Role::Break, Form::Loop),
    (Role::Perc, Form::Loop),
    (Role::Pad, Form::Loop),
    (Role::Pad, Form::Free),
    (Role::Drone, Form::Free),
    (Role::Noise, Form::Free),
];

fn query(role: Role, name: &str, bars: u32) -> StemQuery {
    StemQuery {
        role,
        category: role.categories()[0],
        tags: vec![name.to_owned()],
        text: String::new(),
        count: 1,
        required: true,
        gain_db: 0.0,
        pan: 0.1,
        enter_bar: 0,
        leave_bar: bars,
        notes: Vec::new(),
        automation: Vec::new(),
    }
}

fn plan() -> ArrangementPlan {
    let section = |index: usize| {
        let bars = 32;
        let hits = HITS.iter().enumerate().map(|(i, (role, step, first))| {
            let count = (f64::from(bars) * 4.0 / step) as usize;
            let note = |i: usize| Note {
                beat: first + i as f64 * step,
                length: *step,
                velocity: 0.7 + 0.3 * (i % 2) as f64,
                pitch: Some(45 + (i % 5) as u8),
            };
            let notes = (0..count).map(note).filter(|note| note.beat < f64::from(bars) * 4.0);
            StemQuery { notes: notes.collect(), ..query(*role, &format!("hit {i}"), bars) }
        });
        let running = RUNNING
            .iter()
            .enumerate()
            .map(|(i, (role, _))| query(*role, &format!("run {i}"), bars));
        Section {
            section: format!("Part {index}"),
            bars,
            energy: 0.3 + 0.1 * index as f64,
            seed: index as u64,
            stem_queries: hits.chain(running).collect(),
            transitions: Vec::new(),
        }
    };
    let structure: Vec<Section> = (0..7).map(section).collect();
    ArrangementPlan {
        schema: 1,
        prompt: "bench".to_owned(),
        seed: 1,
        bpm: Bpm::new(138.0).expect("in range"),
        key: Some("A minor".parse().expect("a key")),
        genre: "techno".to_owned(),
        moods: Vec::new(),
        swing: 52.0,
        total_bars: 224,
        estimated_duration_s: 389.6,
        loudness_lufs: -10.0,
        structure,
    }
}

/// Decaying noise around a tone, stereo for what runs.
fn clip(seed: u64, seconds: f64, channels: usize) -> Clip {
    let mut rng = Seed(seed).rng();
    let frames = (seconds * 44_100.0) as usize;
    let hz = 60.0 * 1.3_f64.powi(seed as i32 % 12);
    let decay = if channels == 2 { 0.0 } else { 6.0 / seconds };
    let channels: Vec<Vec<f32>> = (0..channels)
        .map(|_| {
            let sample = |i: usize| {
                let t = i as f64 / 44_100.0;
                let tone = (std::f64::consts::TAU * hz * t).sin();
                let noise: f64 = rng.random_range(-1.0..1.0);
                ((0.8 * tone + 0.2 * noise) * (-decay * t).exp()) as f32
            };
            (0..frames).map(sample).collect()
        })
        .collect();
    let channels: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
    Clip::new(SampleRate::LIBRARY, &channels)
}

fn casting(plan: &ArrangementPlan) -> (Casting, BTreeMap<StemId, Clip>) {
    let mut casting = Casting { parts: Vec::new(), warnings: Vec::new() };
    let mut clips = BTreeMap::new();
    for (i, part) in plan.parts().into_iter().enumerate() {
        let id = StemId(i as i64);
        let form = i.checked_sub(HITS.len()).map_or(Form::OneShot, |i| RUNNING[i].1);
        let bar = plan.bpm.beat_seconds() * 4.0;
        let clip = match form {
            Form::OneShot => clip(i as u64, 0.5, 1),
            Form::Loop => clip(i as u64, bar * 4.0 * 1.03, 2),
            Form::Free => clip(i as u64, 11.0, 2),
        };
        clips.insert(id, clip);
        let stem = CastStem {
            id,
            hash: format!("{i:064}"),
            name: format!("stem {i}"),
            source: Source::Original,
            kit: None,
            licence: None,
            form,
            chord: Vec::new(),
            bpm: None,
            bars: None,
            span_s: None,
            key: None,
            root: Some(45.0),
            ratio: 1.0,
            semitones: 0.0,
            gain_db: 0.0,
            level_db: None,
            score: 0.0,
            why: BTreeMap::new(),
        };
        casting.parts.push(CastPart { part, stems: vec![stem] });
    }
    (casting, clips)
}

#[divan::bench(sample_count = 3)]
fn six_and_a_half_minutes(bencher: Bencher<'_, '_>) {
    let plan = plan();
    let (casting, clips) = casting(&plan);
    bencher.bench(|| render(&plan, &casting, &clips, &Progress::silent()).expect("it renders"));
}
