//! Textures: noise beds, dust, rooms, rain.

use crate::synth::curve::{fall, sin32, swell};
use crate::synth::finish::Finish;
use crate::synth::metal::modes;
use crate::synth::noise::Rand;
use crate::synth::osc::cycles;
use crate::synth::patch::Patch;
use crate::synth::sound::{RATE, Sound, frames};
use crate::synth::space::Room;

/// A texture's end: half a second of fade, nothing cut.
const TEXTURE: Finish =
    Finish { highpass: 40.0, fade_in: 0.0004, fade_out: 0.5, tail_db: -90.0, peak_db: -1.0 };

/// Two pink noises behind a wandering band.
pub(crate) fn atmo_noise_bed(p: &Patch) -> Sound {
    let seconds = 8.0;
    let noise = p.wide_pink("noise", seconds);
    let cut = p.drift("cut", seconds, 0.45);
    let level = p.drift("level", seconds, 0.8);
    let band =
        noise.clone().svf_bp(|t| p.cut(600.0) * crate::synth::curve::exp2(1.6 * cut.at(t)), 0.8);
    (band + noise.lp(2, 220.0) * 0.25)
        .lp(2, 9000.0)
        .env(|t| 1.0 + 0.3 * level.at(t))
        .env(swell(8.0, 0.8, 0.8))
        .finish_fading(40.0, 0.5)
}

/// Short sines at random times: drops, crackles. Frequencies and lengths are ranges.
struct Grains {
    per_second: f64,
    hz: [f32; 2],
    frames: [f32; 2],
    /// Time constants that fit into a grain's length.
    sharpness: f32,
    /// Mean and spread of the logarithm of the level, and its largest value.
    level: (f32, f32, f32),
    width: f32,
}

impl Grains {
    fn scatter(&self, seconds: f64, mut rand: Rand) -> Sound {
        let len = frames(seconds);
        let (mut left, mut right) = (vec![0.0_f32; len], vec![0.0_f32; len]);
        for _ in 0..(self.per_second * seconds) as usize {
            let start = rand.index(len - self.frames[1] as usize);
            let (mean, spread, most) = self.level;
            let level = (mean + spread * rand.normal()).exp().min(most);
            let hz = rand.range(self.hz[0], self.hz[1]);
            let length = rand.range(self.frames[0], self.frames[1]);
            let turn = (rand.range(-self.width, self.width) + 1.0) / 8.0;
            let root2 = std::f32::consts::SQRT_2;
            let (to_left, to_right) = (root2 * sin32(turn + 0.25), root2 * sin32(turn));
            for i in 0..length as usize {
                let at = i as f32;
                let x = level * sin32(hz / RATE as f32 * at) * fall(at, length / self.sharpness);
                left[start + i] += to_left * x;
                right[start + i] += to_right * x;
            }
        }
        Sound::stereo(left, right)
    }
}

/// A worn record: hiss, rumble, crackles and a tick once per turn.
pub(crate) fn atmo_vinyl(p: &Patch) -> Sound {
    let seconds = 6.0;
    let hiss = p.wide_pink("hiss", seconds).hp(2, 700.0) * 0.012;
    let rumble = p.rand("rumble").brown(seconds).lp(2, 70.0) * 0.035;
    let crackle = Grains {
        per_second: 22.0,
        hz: [1200.0, 5500.0],
        frames: [20.0, 160.0],
        sharpness: 5.0,
        level: (-2.6, 0.8, f32::INFINITY),
        width: 0.6,
    };
    let tick = Sound::of_time(seconds, |t| if t % 1.8 < 0.0006 { 0.1 } else { 0.0 });
    let silence = Sound::silence(seconds);
    (hiss + rumble + crackle.scatter(seconds, p.rand("crackle")) + Sound::pair(tick, silence))
        .lp(2, 9500.0)
        .finish_as(&Finish { highpass: 25.0, fade_out: 0.05, peak_db: -3.0, ..TEXTURE })
}

/// A machine hall: mains hum, fans, a rattle on every half beat of 132 bpm, a whistle.
pub(crate) fn atmo_machine_room(p: &Patch) -> Sound {
    const HUM: [(f64, f32); 7] =
        [(1.0, 0.5), (2.0, 1.0), (3.0, 0.4), (4.0, 0.5), (6.0, 0.3), (8.0, 0.2), (12.0, 0.12)];
    let seconds = 8.0;
    let hum = cycles(
        seconds,
        |_| 50.0,
        |_, c| {
            let partial = |(i, (k, level)): (usize, &(f64, f32))| {
                level * crate::synth::curve::sin(k * c + 0.159 * i as f64)
            };
            HUM.iter().enumerate().map(partial).sum()
        },
    );
    let fan = p
        .rand("fan")
        .pink(seconds)
        .svf_bp(|_| 240.0, 0.8)
        .env(|t| 1.2 * (1.0 + 0.35 * sin32(11.7 * t)));
    let mut rand = p.rand("rattle");
    let rattles = |k: i32| {
        let start = 0.1 + f64::from(k) * 30.0 / 132.0 + 0.004 * f64::from(rand.normal());
        let hz = 410.0 * rand.range(0.97, 1.03);
        let level = rand.range(0.15, 0.7);
        modes(0.12, &[(hz, 1.0, 0.12), (1130.0, 0.6, 0.07), (2310.0, 0.3, 0.04)]).delayed(start)
            * level
    };
    let rattle: Sound = (0..34).map(rattles).sum();
    let (wander, swell) = (p.drift("wander", seconds, 0.6), p.drift("whistle", seconds, 0.5));
    let whistle = p
        .white("whistle noise", seconds)
        .svf_bp(|t| 2900.0 + 500.0 * wander.at(t), 9.0)
        .env(|t| 0.264 * (0.5 + 0.5 * swell.at(t)));
    let room = Room { t60: 1.8, damp: 0.3, size: 1.2, tail: 0.0, low: 90.0, high: 8000.0 };
    ((hum * 0.055).drive(9.0) + fan * 1.6 + rattle * 0.7 + whistle)
        .first(seconds)
        .wide(p.rand("sides"), 20.0, 0.7)
        .room(0.3, &room)
        .finish_as(&TEXTURE)
}

/// Rain on a field: 260 drops a second over a soft band of noise.
pub(crate) fn atmo_rain_field(p: &Patch) -> Sound {
    let seconds = 8.0;
    let drops = Grains {
        per_second: 260.0,
        hz: [1500.0, 8500.0],
        frames: [60.0, 500.0],
        sharpness: 6.0,
        level: (-2.1, 0.6, 0.5),
        width: 1.0,
    };
    let drift = p.drift("level", seconds, 0.5);
    let bed = p.wide_pink("bed", seconds).lp(2, 6500.0).hp(2, 400.0);
    (drops.scatter(seconds, p.rand("drops")) + bed.env(|t| 0.1 * (1.0 + 0.3 * drift.at(t))))
        .lp(2, 11_000.0)
        .finish_as(&Finish { highpass: 150.0, ..TEXTURE })
}
