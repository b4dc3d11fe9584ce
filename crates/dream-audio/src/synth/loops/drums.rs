//! Drum, hat and percussion loops: the styles' patterns in sixteenths, first step 0.

use super::{Grid, HITS, Hits, Score};
use crate::synth::recipes::atmo::atmo_vinyl;
use crate::synth::recipes::hat::{
    hat_closed_808, hat_closed_909, hat_industrial, hat_lofi, hat_open_909, hat_tick,
};
use crate::synth::recipes::kick::{
    kick_909, kick_dnb, kick_industrial, kick_lofi, kick_rumble, kick_soft_deep, kick_trance,
};
use crate::synth::recipes::percussion::{
    anvil, conga_fm, cowbell_808, metal_pipe, perc_zap_fm, ride_909, ride_bell_dark, rim_808,
    shaker, tambourine, tom_low, tom_mid, woodblock,
};
use crate::synth::recipes::snare::{
    clap_909, clap_house_layer, clap_industrial, snare_808, snare_909, snare_dnb, snare_lofi,
};
use crate::synth::sound::Sound;
use crate::synth::space::{Echo, Room};

const FOUR: [usize; 4] = [0, 4, 8, 12];
const OFF: [usize; 4] = [2, 6, 10, 14];
const BACK: [usize; 2] = [4, 12];
const EIGHTHS: [usize; 8] = [0, 2, 4, 6, 8, 10, 12, 14];
const ALL: [usize; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

impl Hits<'_> {
    /// At a level and a place.
    fn at(self, gain: f32, pan: f32) -> Self {
        Self { gain, pan, ..self }
    }
}

/// Hits on given steps.
fn on(steps: &[usize]) -> Hits<'_> {
    Hits { steps, ..HITS }
}

/// Hits on given steps of every bar.
fn always(steps: &[usize]) -> Hits<'_> {
    Hits { steps, every_bar: true, ..HITS }
}

/// Industrial techno at 138 bpm.
pub(crate) fn industrial(s: &Score) -> Sound {
    let mut grid = Grid::new(s, 0.5, 0.8);
    let kick = s.drum("kick", kick_industrial);
    grid.hit(&kick, &always(&FOUR));
    grid.hit(&kick, &on(&[62]).at(0.5, 0.0));
    grid.hit(&s.drum("open", hat_open_909), &always(&OFF).at(0.42, 0.1));
    let accents = [1.0, 0.35, 0.6, 0.45, 0.9, 0.3, 0.7, 0.5];
    let hats = Hits { velocity: &accents, ..always(&ALL).at(0.20, -0.2) };
    grid.hit(&s.drum("hat", hat_industrial), &hats);
    grid.hit(&s.drum("clap", clap_industrial), &always(&BACK).at(0.5, 0.0));
    let blows = on(&[7, 23, 30, 39, 55, 59]).at(0.28, 0.35);
    grid.hit(&s.drum("anvil", anvil), &Hits { velocity: &[1.0, 0.7, 0.5], ..blows });
    grid.hit(&s.drum("zap", perc_zap_fm), &on(&[11, 27, 43, 46, 59]).at(0.25, -0.4));
    grid.hit(&s.drum("ride", ride_bell_dark), &always(&FOUR).at(0.10, 0.2));
    grid.sound().bus(-14.0, 3.0, 6.0)
}

/// Techno at 130 bpm.
pub(crate) fn techno(s: &Score) -> Sound {
    let mut grid = Grid::new(s, 0.52, 0.6);
    grid.hit(&s.drum("kick", kick_909), &always(&FOUR));
    let hats = always(&ALL).at(0.25, 0.15);
    grid.hit(&s.drum("hat", hat_closed_909), &Hits { velocity: &[0.8, 0.35, 0.5, 0.4], ..hats });
    let open = always(&OFF).at(0.5, 0.1);
    grid.hit(&s.drum("open", hat_open_909), &Hits { velocity: &[1.0, 0.85], ..open });
    grid.hit(&s.drum("clap", clap_909), &always(&BACK).at(0.5, 0.0));
    let rims = on(&[3, 10, 19, 26, 35, 42, 51, 58, 61]).at(0.28, -0.3);
    grid.hit(&s.drum("rim", rim_808), &Hits { velocity: &[1.0, 0.6], ..rims });
    grid.hit(&s.drum("ride", ride_909), &always(&OFF).at(0.12, -0.15));
    grid.sound().bus(-12.0, 2.0, 2.0)
}

/// House at 124 bpm, swung.
pub(crate) fn house(s: &Score) -> Sound {
    let mut grid = Grid::new(s, 0.56, 1.2);
    grid.hit(&s.drum("kick", kick_909), &always(&FOUR).at(0.95, 0.0));
    grid.hit(&s.drum("open", hat_open_909), &always(&OFF).at(0.55, 0.08));
    let hats = always(&[0, 3, 4, 7, 8, 11, 12, 15]).at(0.3, 0.2);
    grid.hit(&s.drum("hat", hat_closed_808), &Hits { velocity: &[0.6, 0.9, 0.5, 0.7], ..hats });
    grid.hit(&s.drum("clap", clap_house_layer), &always(&BACK).at(0.65, 0.0));
    let snare = on(&[31, 63]).at(0.3, 0.0);
    grid.hit(&s.drum("snare", snare_808), &Hits { velocity: &[0.5], ..snare });
    let shakers = always(&ALL).at(0.22, -0.25);
    grid.hit(&s.drum("shaker", shaker), &Hits { velocity: &[0.9, 0.35, 0.65, 0.5], ..shakers });
    let congas = Hits {
        velocity: &[0.9, 0.5, 0.7],
        pitch: &[0.0, 0.0, -3.0, 0.0, 4.0],
        ..on(&[3, 6, 14, 19, 22, 27, 30, 35, 38, 46, 51, 54, 59, 62]).at(0.3, 0.3)
    };
    grid.hit(&s.drum("conga", conga_fm), &congas);
    grid.sound().bus(-12.0, 2.0, 2.0)
}

/// Dub techno at 122 bpm, its rim in a long echo.
pub(crate) fn dub(s: &Score) -> Sound {
    let mut grid = Grid::new(s, 0.54, 1.0);
    grid.hit(&s.drum("kick", kick_soft_deep), &always(&FOUR));
    grid.hit(&s.drum("hat", hat_tick), &always(&OFF).at(0.4, 0.1));
    let shakers = always(&ALL).at(0.12, -0.2);
    grid.hit(&s.drum("shaker", shaker), &Hits { velocity: &[0.7, 0.3, 1.0, 0.4], ..shakers });
    let rim = s.drum("rim", rim_808);
    grid.hit(&rim, &on(&[6, 22, 38, 54, 59]).at(0.3, -0.3));
    grid.hit(&s.drum("clap", clap_909), &on(&[12, 28, 44, 60]).at(0.28, 0.0));
    let echo = Echo { time: 0.75 * s.beat(), feedback: 0.6, low: 400.0, high: 2500.0, tail: 4.0 };
    let at = grid.time(22);
    grid.put(&(rim * 0.3).echo(&echo), at, 0.8, 0.0);
    grid.sound().bus(-14.0, 2.0, 1.0)
}

/// Drum and bass at 174 bpm: two-step with ghost notes.
pub(crate) fn dnb(s: &Score) -> Sound {
    let mut grid = Grid::new(s, 0.52, 1.5);
    grid.hit(&s.drum("kick", kick_dnb), &on(&[0, 10, 16, 26, 32, 42, 48, 58, 61]));
    let snare = s.drum("snare", snare_dnb);
    grid.hit(&snare, &always(&BACK));
    let ghosts = on(&[7, 9, 15, 23, 25, 39, 41, 47, 55, 57, 62, 63]).at(0.9, 0.0);
    grid.hit(&snare, &Hits { velocity: &[0.22, 0.3, 0.18], ..ghosts });
    let hats = always(&EIGHTHS).at(0.4, 0.15);
    grid.hit(&s.drum("hat", hat_closed_909), &Hits { velocity: &[1.0, 0.6, 0.8, 0.65], ..hats });
    let shakers = always(&ALL).at(0.15, -0.2);
    grid.hit(&s.drum("shaker", shaker), &Hits { velocity: &[0.5, 0.3, 0.8, 0.3], ..shakers });
    grid.hit(&s.drum("ride", ride_909), &always(&FOUR).at(0.14, -0.1));
    grid.sound().bus(-16.0, 3.0, 6.0)
}

/// Trance at 138 bpm.
pub(crate) fn trance(s: &Score) -> Sound {
    let mut grid = Grid::new(s, 0.5, 0.3);
    grid.hit(&s.drum("kick", kick_trance), &always(&FOUR));
    grid.hit(&s.drum("open", hat_open_909), &always(&OFF).at(0.6, 0.0));
    let hats = always(&ALL).at(0.25, 0.2);
    grid.hit(&s.drum("hat", hat_closed_909), &Hits { velocity: &[0.6, 0.4, 0.9, 0.5], ..hats });
    grid.hit(&s.drum("clap", clap_909), &always(&BACK).at(0.55, 0.0));
    grid.hit(&s.drum("snare", snare_909), &always(&BACK).at(0.3, 0.0));
    grid.hit(&s.drum("tambourine", tambourine), &always(&OFF).at(0.2, -0.2));
    grid.sound().bus(-12.0, 2.0, 2.0)
}

/// Lo-fi at 84 bpm, late and dusty.
pub(crate) fn lofi(s: &Score) -> Sound {
    let mut grid = Grid::new(s, 0.60, 4.0);
    let kicks = [0, 7, 10, 16, 23, 26, 29, 32, 39, 42, 48, 55, 58, 61];
    grid.hit(&s.drum("kick", kick_lofi), &on(&kicks));
    let snare = s.drum("snare", snare_lofi);
    grid.hit(&snare, &always(&BACK).at(0.8, 0.0));
    let ghosts = on(&[15, 31, 47, 59, 63]).at(0.6, 0.0);
    grid.hit(&snare, &Hits { velocity: &[0.25, 0.35], ..ghosts });
    let hat = s.drum("hat", hat_lofi);
    let hats = always(&EIGHTHS).at(0.42, 0.1);
    grid.hit(&hat, &Hits { velocity: &[0.9, 0.55, 0.8, 0.65], ..hats });
    grid.hit(&hat, &Hits { velocity: &[0.4], ..on(&[11, 27, 43, 60]).at(0.3, 0.0) });
    let dust = atmo_vinyl(&s.patch("vinyl", 0, &[0]));
    let mut record = Grid::new(s, 0.5, 0.0);
    for turn in 0..3 {
        record.put(&dust, f64::from(turn) * (dust.seconds() - 0.2), 0.10, 0.0);
    }
    let drums = grid.sound().bus(-17.0, 3.5, 7.0).around(0.05, |x| x.lp(2, 9000.0));
    drums + record.sound()
}

/// Breaks at 140 bpm.
pub(crate) fn breaks(s: &Score) -> Sound {
    let mut grid = Grid::new(s, 0.55, 2.0);
    let kicks = [0, 2, 10, 16, 18, 26, 32, 34, 42, 48, 51, 58];
    grid.hit(&s.drum("kick", kick_dnb), &on(&kicks));
    let snare = s.drum("snare", snare_909);
    grid.hit(&snare, &always(&BACK).at(0.9, 0.0));
    let ghosts = on(&[7, 9, 15, 23, 25, 31, 39, 41, 47, 55, 57, 63]).at(0.8, 0.0);
    grid.hit(&snare, &Hits { velocity: &[0.3, 0.22, 0.35], ..ghosts });
    let hats = always(&EIGHTHS).at(0.35, 0.0);
    grid.hit(&s.drum("hat", hat_closed_909), &Hits { velocity: &[1.0, 0.6], ..hats });
    grid.hit(&s.drum("open", hat_open_909), &on(&[14, 46]).at(0.35, 0.0));
    let toms = on(&[61, 62]).at(0.4, 0.0);
    grid.hit(&s.drum("tom", tom_mid), &Hits { velocity: &[0.7, 0.9], ..toms });
    grid.sound().bus(-15.0, 3.0, 5.0)
}

/// Only the rumbling kick, at 132 bpm.
pub(crate) fn rumble(s: &Score) -> Sound {
    let mut grid = Grid::new(s, 0.5, 0.0);
    grid.hit(&s.drum("kick", kick_rumble), &always(&FOUR));
    grid.sound().rounded()
}

/// Techno hats at 130 bpm.
pub(crate) fn hats_techno(s: &Score) -> Sound {
    let mut grid = Grid::new(s, 0.53, 0.8);
    let accents = [0.9, 0.4, 0.6, 0.5, 0.9, 0.35, 0.7, 0.55];
    let hats = Hits { velocity: &accents, ..always(&ALL).at(0.5, 0.15) };
    grid.hit(&s.drum("hat", hat_closed_909), &hats);
    grid.hit(&s.drum("open", hat_open_909), &always(&OFF).at(0.7, 0.0));
    grid.hit(&s.drum("tick", hat_tick), &on(&[5, 13, 21, 29, 30]).at(0.4, -0.3));
    grid.sound().rounded()
}

/// A driving ride at 138 bpm.
pub(crate) fn ride_drive(s: &Score) -> Sound {
    let mut grid = Grid::new(s, 0.5, 0.5);
    let rides = Hits { velocity: &[0.6, 1.0], ..always(&EIGHTHS).at(0.5, 0.0) };
    grid.hit(&s.drum("ride", ride_909), &rides);
    let hats = Hits { velocity: &[0.3, 0.6, 0.4, 0.7], ..always(&ALL).at(0.35, 0.2) };
    grid.hit(&s.drum("hat", hat_industrial), &hats);
    grid.sound().bus(-16.0, 2.0, 2.0)
}

/// Struck metal at 132 bpm, in a room.
pub(crate) fn metal(s: &Score) -> Sound {
    let mut grid = Grid::new(s, 0.52, 1.0);
    let blows = on(&[3, 14, 19, 30, 35, 46, 51, 60]).at(0.6, 0.3);
    grid.hit(&s.drum("anvil", anvil), &Hits { velocity: &[1.0, 0.6, 0.8], ..blows });
    grid.hit(&s.drum("pipe", metal_pipe), &on(&[0, 22, 32, 54]).at(0.4, -0.35));
    let zaps = on(&[6, 9, 22, 25, 38, 41, 54, 57, 63]).at(0.45, 0.15);
    grid.hit(&s.drum("zap", perc_zap_fm), &Hits { velocity: &[0.8, 0.5], ..zaps });
    let hats = Hits { velocity: &[0.4, 0.8, 0.3, 0.6], ..always(&ALL).at(0.22, 0.0) };
    grid.hit(&s.drum("hat", hat_industrial), &hats);
    let room = Room { t60: 1.2, damp: 0.2, tail: 0.0, low: 300.0, ..Room::MEDIUM };
    grid.sound().around(1.2, |x| x.room(0.25, &room)).bus(-14.0, 2.0, 3.0)
}

/// Tribal percussion at 124 bpm, swung.
pub(crate) fn tribal(s: &Score) -> Sound {
    let mut grid = Grid::new(s, 0.57, 2.0);
    let congas = Hits {
        velocity: &[0.6, 1.0, 0.7, 0.4, 0.8, 0.45],
        pitch: &[0.0, 0.0, 5.0, 0.0, 0.0, -4.0, 0.0],
        ..always(&[0, 3, 6, 8, 10, 11, 14]).at(0.6, 0.25)
    };
    grid.hit(&s.drum("conga", conga_fm), &congas);
    grid.hit(&s.drum("tom", tom_low), &on(&[12, 28, 44, 58, 60]).at(0.5, -0.2));
    let blocks = on(&[2, 5, 18, 21, 34, 37, 50, 53]).at(0.35, -0.4);
    grid.hit(&s.drum("block", woodblock), &Hits { velocity: &[1.0, 0.6], ..blocks });
    let shakers = Hits { velocity: &[1.0, 0.35, 0.6, 0.45], ..always(&ALL).at(0.4, 0.1) };
    grid.hit(&s.drum("shaker", shaker), &shakers);
    grid.hit(&s.drum("bell", cowbell_808), &on(&[7, 39]).at(0.15, 0.4));
    grid.sound().bus(-12.0, 2.0, 2.0)
}

/// A snare roll that gets faster, louder and brighter over two bars at 132 bpm.
pub(crate) fn snare_roll(s: &Score) -> Sound {
    let mut grid = Grid::new(s, 0.5, 0.0);
    let snare = s.drum("snare", snare_909);
    let mut step = 0.0;
    while step < 32.0 {
        let along = step / 32.0;
        let hit = snare.clone().lp(1, 1500.0 + 14_000.0 * along * along);
        grid.put(&hit, step * s.step(), (0.25 + 0.75 * along.powf(1.5)) as f32, 0.0);
        step += match step {
            step if step < 8.0 => 2.0,
            step if step < 24.0 => 1.0,
            _ => 0.5,
        };
    }
    grid.sound().bus(-14.0, 3.0, 4.0)
}
