//! Where the layers meet: ducked into buses, sent to room and echo, summed.
//!
//! Everything here hears only the past, and forgets it within 8 s: the mix before a section and from 8 s
//! after it is the same sample by sample, whatever the section plays.

use dream_core::ArrangementPlan;

use super::drive::{self, Drive};
use super::duck::{self, Ducker};
use super::layer::{STEP, Strip};
use super::level::KICK_LUFS;
use super::role::{Bus, Traits};
use super::space::{Echo, Room};
use super::timeline::{Timeline, frames};

/// How far the peaks of the other drums, and of all else, may lie above those of the kick before they are bent, dB.
const OVER_KICK_DB: (f64, f64) = (-0.5, 1.5);

/// How far kick and other drums together may lie above the higher of both, dB.
const TOGETHER_DB: f64 = -0.5;
/// How far all buses together may lie above the loudness of the kick, dB.
const MIX_DB: f64 = 9.0;
/// Width of the bend of what coincides, dB.
const JOINT_KNEE_DB: f64 = 2.5;

/// Left and right.
pub(crate) type Sides = [Vec<f32>; 2];

/// How a layer goes into the mix.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channel {
    pub(crate) traits: Traits,
    /// Peak that the layer's sources reach at the layer's level, linear.
    pub(crate) peak: f64,
}

/// The mixing desk of one track.
#[derive(Debug)]
pub(crate) struct Desk<'a> {
    ducker: &'a Ducker,
    depth_db: f32,
    duck: Vec<f32>,
    drives: Vec<Drive>,
    /// Bends kick and other drums where they coincide.
    drum_bus: Drive,
    /// Bends all buses where they coincide.
    mix_bus: Drive,
    room: Room,
    echo: Echo,
    sends: [Sides; 2],
    /// The buses in the order of `Bus::ALL`, finished.
    pub(crate) buses: Vec<Sides>,
    /// Reverb and delay.
    pub(crate) returns: [Sides; 2],
    /// The sum of buses and returns.
    pub(crate) mix: Sides,
    /// Largest absolute sample of each bus, of each return, then of the mix.
    pub(crate) peaks: [f32; Bus::ALL.len() + 3],
}

impl<'a> Desk<'a> {
    pub(crate) fn new(
        plan: &ArrangementPlan,
        time: &Timeline,
        ducker: &'a Ducker,
        channels: &[Channel],
    ) -> Self {
        let genre = plan.genre.to_lowercase();
        let slow = genre.contains("ambient");
        let dub = genre.contains("dub");
        // Peaks of different layers seldom coincide: the highest stands for the bus.
        let peak = |bus: Bus| {
            let on = channels.iter().filter(|channel| channel.traits.bus == bus);
            on.map(|channel| channel.peak).fold(0.0, f64::max)
        };
        // Nothing stands out above the kick by more than this.
        let kick = peak(Bus::Kick);
        let under = |bus: Bus, db: f64| peak(bus).min(kick * 10.0_f64.powf(db / 20.0));
        let usual = |bus: Bus| match bus {
            Bus::Drums if kick > 0.0 => under(bus, OVER_KICK_DB.0),
            Bus::Music | Bus::Fx if kick > 0.0 => under(bus, OVER_KICK_DB.1),
            Bus::Bass if kick > 0.0 => under(bus, 0.0),
            Bus::Kick | Bus::Drums | Bus::Bass | Bus::Music | Bus::Fx => peak(bus),
        };
        let drive = |bus: &Bus| Drive::new(usual(*bus), drive::depth_db(plan, *bus));
        let both = usual(Bus::Kick).max(usual(Bus::Drums)) * 10.0_f64.powf(TOGETHER_DB / 20.0);
        let bends = drive::depth_db(plan, Bus::Kick) > 0.0;
        let all = 10.0_f64.powf((KICK_LUFS + MIX_DB) / 20.0);
        Self {
            ducker,
            depth_db: duck::depth_db(plan),
            duck: Vec::new(),
            drives: Bus::ALL.iter().map(drive).collect(),
            drum_bus: Drive::under(if bends { both } else { 0.0 }, JOINT_KNEE_DB),
            mix_bus: Drive::under(if bends { all } else { 0.0 }, JOINT_KNEE_DB),
            room: Room::new(if slow { 4.5 } else { 2.0 }),
            echo: Echo::new(time.length(0.75).min(frames(2.0)), if dub { 0.6 } else { 0.45 }),
            sends: Default::default(),
            buses: vec![Sides::default(); Bus::ALL.len()],
            returns: Default::default(),
            mix: Default::default(),
            peaks: Default::default(),
        }
    }

    /// Mixes the block of `len` frames that starts at frame `at`.
    pub(crate) fn run(&mut self, at: i64, len: usize, strips: &[Strip], channels: &[Channel]) {
        self.duck.resize(len, 0.0);
        self.ducker.fill(at, &mut self.duck);
        let all = self.buses.iter_mut().chain(&mut self.sends).chain(&mut self.returns);
        for side in all.flatten() {
            side.clear();
            side.resize(len, 0.0);
        }
        for (strip, channel) in strips.iter().zip(channels).filter(|(strip, _)| strip.sounding) {
            self.add(strip, channel);
        }
        for (bus, drive) in self.buses.iter_mut().zip(&mut self.drives) {
            drive.run(bus);
        }
        self.drum_bus.run_sum(&mut self.buses[..=Bus::Drums as usize]);
        self.mix_bus.run_sum(&mut self.buses);
        let [reverb, delay] = &mut self.returns;
        self.room.add(&self.sends[0], reverb);
        self.echo.add(&self.sends[1], delay);
        let strips = self.buses.iter().chain(&self.returns);
        for (sides, peak) in strips.clone().zip(&mut self.peaks) {
            *peak = sides.iter().flatten().fold(*peak, |peak, x| peak.max(x.abs()));
        }
        for (c, mix) in self.mix.iter_mut().enumerate() {
            mix.clear();
            mix.resize(len, 0.0);
            for sides in strips.clone() {
                mix.iter_mut().zip(&sides[c]).for_each(|(sum, x)| *sum += x);
            }
        }
        let [.., peak] = &mut self.peaks;
        *peak = self.mix.iter().flatten().fold(*peak, |peak, x| peak.max(x.abs()));
    }

    /// The most that a bus has been bent down, alone or where it met the other drums, dB (0 or less).
    pub(crate) fn bent_db(&self, bus: usize) -> f64 {
        let met = if bus <= Bus::Drums as usize { self.drum_bus.deepest_db() } else { 0.0 };
        self.drives[bus].deepest_db().min(met)
    }

    /// The most that all buses together have been bent down, dB (0 or less).
    pub(crate) fn mix_bent_db(&self) -> f64 {
        self.mix_bus.deepest_db()
    }

    fn add(&mut self, strip: &Strip, channel: &Channel) {
        let Traits { bus, reverb, delay, duck, .. } = channel.traits;
        let dip = 1.0 - 10.0_f32.powf(-self.depth_db * duck / 20.0);
        for (c, side) in strip.sides.iter().enumerate() {
            let sum = &mut self.buses[bus as usize][c];
            for ((y, x), duck) in sum.iter_mut().zip(side).zip(&self.duck) {
                *y += x * (1.0 - dip * duck);
            }
            for (send, share) in self.sends.iter_mut().zip([reverb, delay]) {
                let pieces = send[c].chunks_mut(STEP).zip(side.chunks(STEP));
                for (k, (send, piece)) in pieces.enumerate() {
                    let (from, to) = (share * strip.send[k], share * strip.send[k + 1]);
                    if from + to <= 0.0 {
                        continue;
                    }
                    let slope = (to - from) / piece.len() as f32;
                    for (i, (y, x)) in send.iter_mut().zip(piece).enumerate() {
                        *y += x * (from + slope * i as f32);
                    }
                }
            }
        }
    }
}
