use dream_core::{
    ArrangementPlan, Automate, Automation, Bpm, Form, Note, Role, Section, Source, StemQuery,
    Transition, TransitionKind,
};

use super::*;
use crate::CastPart;

mod signals;

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
        span_s: None,
        key: None,
        root: None,
        ratio: 1.0,
        semitones: 0.0,
        gain_db: 0.0,
        level_db: None,
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
        let onset = (at.saturating_sub(50)..at + 40).find(|i| left[*i].abs() > 0.1 * peak).unwrap();
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
        Role::Kick => (tone(100.0, 0.2), Form::OneShot),
        _ => (tone(441.0, 2.0), Form::Free),
    });
    let (before, silent) = (level_db(&take, 6.5, 7.5), level_db(&take, 7.7, 7.95));
    assert!(silent < before - 25.0, "{silent} after {before}");
    assert!(level_db(&take, 8.0, 8.03) > before);
}

/// The first frame from `from` on that reaches a tenth of the peak within the 100 ms after it.
fn onset(channel: &[f32], from: i64) -> i64 {
    let from = from.max(0) as usize;
    let window = &channel[from..(from + 4_410).min(channel.len())];
    let peak = window.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    let first = window.iter().position(|x| x.abs() >= 0.1 * peak).unwrap();
    (from + first) as i64
}

/// The parts of a plan as layers, before levels and master.
fn scores(plan: &ArrangementPlan, choose: impl Fn(Role) -> (Clip, Form)) -> Vec<Score> {
    let (casting, clips) = casting(plan, choose);
    let time = Timeline::of(plan);
    casting
        .parts
        .iter()
        .map(|cast| {
            let stem = &cast.stems[0];
            schedule::score(plan, &time, &cast.part, stem, &clips[&stem.id])
        })
        .collect()
}

/// A layer alone from frame 0, its first channel.
fn alone(score: &Score, frames: usize) -> Vec<f32> {
    let mut layer = Layer::new(score);
    let (mut out, mut strip) = (Vec::new(), Strip::default());
    for at in (0..frames).step_by(BLOCK) {
        layer.play(at as i64, BLOCK, &mut strip);
        if strip.sounding {
            out.extend_from_slice(&strip.sides[0]);
        } else {
            out.resize(out.len() + BLOCK, 0.0);
        }
    }
    out
}

#[test]
fn swing_delays_the_odd_sixteenths_of_every_lane() {
    let mut plan = plan(124.0, vec![section(4, 1.0, vec![hits(Role::Kick, 4, 0.25, 0.25)])]);
    plan.swing = 56.0;
    let all = scores(&plan, |_| (click(), Form::OneShot));
    let out = alone(&all[0], 100_000);
    let late = frames((0.56 - 0.5) * 30.0 / 124.0);
    let grid = plan.bpm.frame_of(0.25, RATE).0 as i64;
    assert!((onset(&out, grid - 50) - grid - late).abs() <= 1);
    let even = plan.bpm.frame_of(0.5, RATE).0 as i64;
    assert!((onset(&out, even - 50) - even).abs() <= 1);
}

#[test]
fn hats_breathe_within_six_milliseconds_and_kick_and_bass_do_not() {
    let lanes = [Role::Kick, Role::Hat, Role::Bass];
    let queries = lanes.map(|role| hits(role, 8, 0.5, 0.0)).to_vec();
    let mut plan = plan(120.0, vec![section(8, 1.0, queries)]);
    plan.swing = 60.0;
    let all = scores(&plan, |_| (click(), Form::OneShot));
    let off: Vec<i64> = all
        .iter()
        .map(|score| {
            let grid = |i: usize| plan.bpm.frame_of(0.5 * i as f64, RATE).0 as i64;
            let attack =
                |event: &event::Event| event.start + score.sources[event.source].attack.lead;
            let late = score.events.iter().enumerate().map(|(i, e)| (attack(e) - grid(i)).abs());
            late.max().unwrap()
        })
        .collect();
    assert_eq!((off[0], off[2]), (0, 0));
    assert!((1..=265).contains(&off[1]), "{off:?}");
}

#[test]
fn an_edit_in_one_section_moves_no_hit_of_another() {
    let events = |first: f64| {
        let hat = |first| hits(Role::Hat, 4, 0.5, first);
        let parts = vec![section(4, 0.5, vec![hat(first)]), section(4, 1.0, vec![hat(0.0)])];
        let mut all = scores(&plan(120.0, parts), |_| (click(), Form::OneShot));
        let line = frames(7.9);
        all.remove(0).events.into_iter().filter(|event| event.start > line).collect::<Vec<_>>()
    };
    assert_eq!(events(0.0), events(1.0));
}

#[test]
fn a_loop_is_tiled_without_a_seam_and_fills_its_bars() {
    let plan = plan(120.0, vec![section(8, 1.0, vec![query(Role::Pad, 8)])]);
    // Two bars at 123 bpm, with a jump at its seam: 391.3 periods.
    let all = scores(&plan, |_| (tone(100.3, 8.0 * 60.0 / 123.0), Form::Loop));
    let out = alone(&all[0], 16 * 44_100);
    assert_eq!(all[0].sources[0].len(), 4 * 44_100);
    let body = &out[5 * 44_100..14 * 44_100];
    let mut steps: Vec<f32> = body.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
    let largest = steps.iter().copied().fold(0.0, f32::max);
    steps.sort_by(f32::total_cmp);
    let usual = steps[steps.len() * 999 / 1000];
    assert!(largest < 3.0 * usual, "{largest} among {usual}");
    let power = |s: &[f32]| s.iter().map(|x| x * x).sum::<f32>() / s.len() as f32;
    let (whole, seam) = (power(body), power(&out[8 * 44_100 - 500..8 * 44_100 + 500]));
    assert!(seam > 0.5 * whole, "{seam} at the seam, {whole} elsewhere");
}

#[test]
fn a_loop_does_not_begin_again_in_the_last_frame_of_its_span() {
    for (bpm, bars) in [(133.0, 3), (167.0, 5), (176.0, 2), (176.0, 7)] {
        let plan = plan(bpm, vec![section(bars, 1.0, vec![query(Role::Break, bars)])]);
        let mut clip = tone(100.0, 240.0 / bpm);
        for x in &mut clip.channel_mut(0)[..200] {
            *x = 0.9;
        }
        let all = scores(&plan, |_| (clip.clone(), Form::Loop));
        let end = (f64::from(bars) * 4.0 * 60.0 / bpm * 44_100.0).round() as usize;
        let out = alone(&all[0], end + 10);
        assert!(out[end - 2..].iter().all(|x| x.abs() < 0.05), "{bpm}: {:?}", &out[end - 3..]);
    }
}

#[test]
fn notes_are_transposed_to_pitch_and_end_with_them() {
    let mut lead = query(Role::Lead, 2);
    lead.notes = vec![note(0.0, Some(69)), note(4.0, Some(76))];
    let plan = plan(120.0, vec![section(2, 1.0, vec![lead])]);
    let (mut casting, clips) = casting(&plan, |_| (tone(440.0, 2.0), Form::OneShot));
    casting.parts[0].stems[0].root = Some(69.0);
    let time = Timeline::of(&plan);
    let cast = &casting.parts[0];
    let score = schedule::score(&plan, &time, &cast.part, &cast.stems[0], &clips[&StemId(1)]);
    let out = alone(&score, 4 * 44_100);
    let crossings = |from: f64| {
        let piece = &out[frames(from) as usize..frames(from + 0.2) as usize];
        piece.windows(2).filter(|w| w[0] <= 0.0 && w[1] > 0.0).count()
    };
    // A fifth is a ratio of 1.498: 440 and 659 Hz in 0.2 s.
    assert!(crossings(0.01).abs_diff(88) <= 1, "{}", crossings(0.01));
    assert!(crossings(2.01).abs_diff(132) <= 1, "{}", crossings(2.01));
    assert!(out[frames(0.3) as usize..frames(1.9) as usize].iter().all(|x| x.abs() < 1e-6));
}

#[test]
fn pads_dip_under_the_kick() {
    let queries = vec![hits(Role::Kick, 8, 2.0, 0.0), query(Role::Bass, 8)];
    let plan = plan(120.0, vec![section(8, 1.0, queries)]);
    let all = scores(&plan, |role| match role {
        Role::Kick => (click(), Form::OneShot),
        _ => (tone(441.0, 4.0), Form::Free),
    });
    let ducker = Ducker::of(&Timeline::of(&plan), &all);
    let mut duck = vec![0.0; 44_100];
    ducker.fill(44_100, &mut duck);
    assert!(duck[0].abs() < 1e-6 && duck[132] > 0.95, "nothing before the kick, full after 3 ms");
    assert!(duck[frames(0.2) as usize] < 0.5 && duck[frames(0.6) as usize] < 1e-6);
    // At 6 dB of ducking a bass is at half its height under a full kick.
    let time = Timeline::of(&plan);
    let channels: Vec<Channel> =
        all.iter().map(|score| Channel { traits: score.traits, peak: 1.0 }).collect();
    let mut desk = Desk::new(&plan, &time, &ducker, &channels);
    let mut strips = vec![Strip::default(); 2];
    let mut layer = Layer::new(&all[1]);
    layer.seek(44_100);
    layer.play(44_100, BLOCK, &mut strips[1]);
    desk.run(44_100, BLOCK, &strips, &channels);
    let bass = &desk.buses[Bus::Bass as usize][0];
    let peak = |from: f64, to: f64, of: &[f32]| {
        of[frames(from) as usize..frames(to) as usize].iter().fold(0.0_f32, |p, x| p.max(x.abs()))
    };
    let ratio = peak(0.004, 0.014, bass) / peak(0.004, 0.014, &strips[1].sides[0]);
    assert!((0.45..0.6).contains(&ratio), "{ratio}");
}

#[test]
fn a_riser_ends_with_its_span_and_an_impact_starts_with_it() {
    let mut first = section(4, 0.5, vec![query(Role::Riser, 4)]);
    first.transitions.push(Transition { kind: TransitionKind::Riser, bar: 2.0, beats: 8.0 });
    let mut second = section(4, 1.0, vec![query(Role::Impact, 4)]);
    second.transitions.push(Transition { kind: TransitionKind::Impact, bar: 0.0, beats: 4.0 });
    let plan = plan(120.0, vec![first, second]);
    // Falling: the riser must turn it round.
    let fall = |seconds: f64| {
        let mut clip = tone(441.0, seconds);
        let n = clip.len() as f32;
        for (i, x) in clip.samples_mut().iter_mut().enumerate() {
            *x *= (1.0 - i as f32 / n).powi(2);
        }
        clip
    };
    let all = scores(&plan, |role| match role {
        Role::Riser => (fall(3.0), Form::Free),
        _ => (fall(1.0), Form::OneShot),
    });
    let line = 8 * 44_100;
    assert_eq!(all[0].events.len(), 1);
    assert_eq!(all[0].events[0].end(), line);
    let riser = alone(&all[0], line as usize);
    let peak = |from: usize, to: usize| riser[from..to].iter().fold(0.0_f32, |p, x| p.max(x.abs()));
    assert!(peak(7 * 44_100, 8 * 44_100) > 2.0 * peak(5 * 44_100, 6 * 44_100));
    let lead = all[1].sources[0].attack.lead;
    assert_eq!(all[1].events[0].start + lead, line);
}

#[test]
fn loops_of_the_rhythm_rest_under_a_fill_and_atmospheres_do_not() {
    let queries = vec![query(Role::Break, 4), query(Role::Drone, 4)];
    let mut one = section(4, 1.0, queries);
    one.transitions.push(Transition { kind: TransitionKind::FillA, bar: 3.0, beats: 4.0 });
    let plan = plan(120.0, vec![one]);
    let all = scores(&plan, |role| match role {
        Role::Break => (tone(441.0, 4.0), Form::Loop),
        _ => (tone(441.0, 4.0), Form::Free),
    });
    let at = |score: &Score| {
        let out = alone(score, 8 * 44_100);
        out[frames(6.5) as usize..frames(6.9) as usize].iter().fold(0.0_f32, |p, x| p.max(x.abs()))
    };
    assert!(at(&all[0]) < 1e-6);
    assert!(at(&all[1]) > 0.05);
}

#[test]
fn a_lowpass_opens_over_its_bars() {
    let mut pad = query(Role::Lead, 8);
    let (from, to) = (200.0, 18_000.0);
    pad.automation =
        vec![Automation { what: Automate::LowpassHz, from_bar: 0.0, to_bar: 4.0, from, to }];
    let plan = plan(120.0, vec![section(8, 1.0, vec![pad])]);
    let all = scores(&plan, |_| (tone(2_205.0, 4.0), Form::Free));
    let out = alone(&all[0], 16 * 44_100);
    let peak = |at: f64| {
        let piece = &out[frames(at) as usize..frames(at + 0.1) as usize];
        piece.iter().fold(0.0_f32, |p, x| p.max(x.abs()))
    };
    assert!(peak(0.5) < 0.05 * peak(12.0), "{} {}", peak(0.5), peak(12.0));
    assert!(peak(4.0) < 0.9 * peak(12.0) && peak(4.0) > peak(0.5));
}

/// A small track of kick, bass, hat and pad.
fn track(bars: u32, bpm: f64, loudness_lufs: f64) -> (ArrangementPlan, Take) {
    let queries = |bars: u32| {
        vec![
            hits(Role::Kick, bars, 1.0, 0.0),
            hits(Role::Hat, bars, 0.5, 0.25),
            query(Role::Bass, bars),
            query(Role::Pad, bars),
        ]
    };
    let parts = vec![section(bars, 0.4, queries(bars)), section(bars, 1.0, queries(bars))];
    let mut plan = plan(bpm, parts);
    plan.loudness_lufs = loudness_lufs;
    let take = rendered(&plan, |role| match role {
        Role::Kick | Role::Hat => (click(), Form::OneShot),
        Role::Bass => (tone(55.0, 2.0), Form::Loop),
        _ => (tone(441.0, 3.1), Form::Free),
    });
    (plan, take)
}

#[test]
fn the_master_meets_its_loudness_and_its_ceiling() {
    for target in [-9.0, -14.0] {
        let (_, take) = track(8, 140.0, target);
        let measured = dream_audio::loudness::measure(&take.clip);
        let lufs = measured.integrated.unwrap().0;
        assert!((lufs - target).abs() < 0.2, "{lufs} for {target}");
        assert!(measured.true_peak_dbtp <= -1.0, "{}", measured.true_peak_dbtp);
        assert!((take.report.lufs_i.unwrap() - lufs).abs() < 0.02);
    }
}

#[test]
fn a_section_of_more_energy_is_louder() {
    let (_, take) = track(8, 140.0, -14.0);
    let rise = level_db(&take, 14.0, 27.0) - level_db(&take, 1.0, 13.0);
    assert!(rise > 3.0, "{rise} dB");
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let by = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| track(4, 128.0, -12.0).1)
    };
    assert!(by(1) == by(3));
}

#[test]
fn extreme_tempos_and_a_single_bar_render() {
    for bpm in [20.0, 400.0] {
        let (plan, take) = track(1, bpm, -14.0);
        let bars = plan.bpm.frame_of(8.0, RATE).0;
        assert!(take.clip.frames().0 > bars, "{bpm}");
    }
}

#[test]
fn an_empty_section_is_silence_of_its_length() {
    let kick = || vec![hits(Role::Kick, 2, 1.0, 0.0)];
    let parts = vec![section(2, 1.0, kick()), section(4, 0.2, vec![]), section(2, 1.0, kick())];
    let take = rendered(&plan(120.0, parts), |_| (click(), Form::OneShot));
    assert!(level_db(&take, 6.0, 11.5) < -60.0);
    assert!(level_db(&take, 12.0, 12.1) > -40.0);
}

#[test]
fn a_part_without_a_stem_is_announced_and_a_stem_without_audio_refused() {
    let queries = vec![hits(Role::Kick, 2, 1.0, 0.0), query(Role::Pad, 2)];
    let plan = plan(120.0, vec![section(2, 1.0, queries)]);
    let (mut casting, mut clips) = casting(&plan, |_| (click(), Form::OneShot));
    casting.parts[1].stems.clear();
    let take = render(&plan, &casting, &clips, &Progress::silent()).unwrap();
    assert_eq!(take.report.warnings, ["pad: no stem, silent"]);
    clips.clear();
    let error = render(&plan, &casting, &clips, &Progress::silent()).unwrap_err();
    assert_eq!(error, Error::MissingClip(StemId(1)));
}

#[test]
fn a_cancelled_render_stops() {
    let plan = plan(120.0, vec![section(2, 1.0, vec![hits(Role::Kick, 2, 1.0, 0.0)])]);
    let (casting, clips) = casting(&plan, |_| (click(), Form::OneShot));
    let progress = Progress::silent();
    progress.cancel();
    let error = render(&plan, &casting, &clips, &progress).unwrap_err();
    assert_eq!(error, Error::Cancelled(dream_core::Cancelled));
}

#[test]
fn closed_hats_end_open_ones() {
    let mut open = hits(Role::OpenHat, 2, 4.0, 0.5);
    open.notes[0].length = 4.0;
    let queries = vec![hits(Role::Hat, 2, 4.0, 0.75), open];
    let plan = plan(120.0, vec![section(2, 1.0, queries)]);
    let mut all = scores(&plan, |_| (tone(4_410.0, 1.0), Form::OneShot));
    schedule::choke(&mut all, &Timeline::of(&plan));
    let closed = all[0].events[0].start;
    let open = all[1].events[0];
    assert_eq!(open.end(), closed + frames(0.005));
}
