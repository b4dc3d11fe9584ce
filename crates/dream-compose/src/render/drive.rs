//! Saturation of the buses: what peaks over a bus's usual height is bent down.
//!
//! Method: a soft clipper whose excess is computed by first-order antiderivative anti-aliasing, J. Parker,
//! V. Zavalishin, E. Le Bivic, "Reducing the Aliasing of Nonlinear Waveshaping Using Continuous-Time
//! Convolution", `DAFx` 2016. What stays below the bend passes bit by bit, and the past is one sample long.

use dream_core::ArrangementPlan;

use super::layer::STEP;
use super::role::Bus;

/// Width of the bend below the ceiling, dB.
const KNEE_DB: f64 = 5.0;

/// How far the peaks of a bus are bent down, dB, by genre: industrial kicks most, ambient not at all.
pub(crate) fn depth_db(plan: &ArrangementPlan, bus: Bus) -> f64 {
    let genre = plan.genre.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| genre.contains(word));
    let (kick, drums, rest) = if has(&["ambient"]) {
        (0.0, 0.0, 0.0)
    } else if has(&["industrial", "hard", "schranz"]) {
        (3.0, 2.5, 1.5)
    } else if has(&["drum & bass", "drum and bass", "dnb", "break", "lofi", "lo-fi", "hip"]) {
        (1.5, 2.0, 1.5)
    } else if has(&["house", "trance", "dub"]) {
        (1.0, 1.0, 0.5)
    } else {
        (1.5, 1.5, 1.0)
    };
    let harsh = plan.moods.iter().any(|mood| mood == "harsh" || mood == "aggressive");
    let extra = if harsh && kick > 0.0 { 0.5 } else { 0.0 };
    match bus {
        Bus::Kick => kick + extra,
        Bus::Drums => drums + extra,
        Bus::Bass | Bus::Music | Bus::Fx => rest,
    }
}

/// A saturator for two channels.
#[derive(Debug, Clone)]
pub(crate) struct Drive {
    /// Where the bend starts, linear; nothing is bent where it is infinite.
    start: f64,
    room: f64,
    last: [f64; 2],
    /// Highest level so far that was bent.
    highest: f64,
}

impl Drive {
    /// Bends peaks of `peak` (linear) down by `depth_db`.
    pub(crate) fn new(peak: f64, depth_db: f64) -> Self {
        let ceiling = if depth_db > 0.0 { peak * 10.0_f64.powf(-depth_db / 20.0) } else { 0.0 };
        Self::under(ceiling, KNEE_DB)
    }

    /// Keeps peaks under a ceiling (linear, 0 for none), beginning `knee_db` below it.
    pub(crate) fn under(ceiling: f64, knee_db: f64) -> Self {
        let start = ceiling * 10.0_f64.powf(-knee_db / 20.0);
        let works = ceiling > 1e-6;
        Self {
            start: if works { start } else { f64::INFINITY },
            room: if works { ceiling - start } else { 1.0 },
            last: [0.0; 2],
            highest: 0.0,
        }
    }

    /// Bends a block in place.
    pub(crate) fn run(&mut self, block: &mut [Vec<f32>; 2]) {
        if self.start.is_infinite() {
            return;
        }
        for (c, channel) in block.iter_mut().enumerate() {
            for x in channel {
                let excess = self.step(c, f64::from(*x));
                if excess != 0.0 {
                    *x = (f64::from(*x) + excess) as f32;
                }
            }
        }
    }

    /// Bends the sum of blocks: each gives up its share of what is taken.
    pub(crate) fn run_sum(&mut self, blocks: &mut [[Vec<f32>; 2]]) {
        if self.start.is_infinite() {
            return;
        }
        let frames = blocks.first().map_or(0, |block| block[0].len());
        for (c, from) in (0..2).flat_map(|c| (0..frames).step_by(STEP).map(move |i| (c, i))) {
            let to = (from + STEP).min(frames);
            let mut sums = [0.0_f32; STEP];
            for block in &*blocks {
                sums.iter_mut().zip(&block[c][from..to]).for_each(|(sum, x)| *sum += x);
            }
            let sums = &sums[..to - from];
            let loud = |x: &f32| f64::from(x.abs()) > self.start;
            if self.last[c].abs() <= self.start && !sums.iter().any(loud) {
                self.last[c] = sums.last().map_or(0.0, |x| f64::from(*x));
                continue;
            }
            for (i, sum) in (from..to).zip(sums) {
                let excess = self.step(c, f64::from(*sum));
                if excess == 0.0 {
                    continue;
                }
                let whole: f32 = blocks.iter().map(|block| block[c][i].abs()).sum();
                let share = if whole > 0.0 { excess as f32 / whole } else { 0.0 };
                for block in &mut *blocks {
                    block[c][i] += share * block[c][i].abs();
                }
            }
        }
    }

    /// What is added to the next sample of a channel.
    fn step(&mut self, channel: usize, now: f64) -> f64 {
        let last = std::mem::replace(&mut self.last[channel], now);
        if now.abs() <= self.start && last.abs() <= self.start {
            return 0.0;
        }
        self.highest = self.highest.max(now.abs());
        // Tips of one sample are more than the mean takes: they are cut.
        let ceiling = self.start + self.room;
        (now + excess(last, now, self.start, self.room)).clamp(-ceiling, ceiling) - now
    }

    /// The largest reduction so far, dB (0 or less).
    pub(crate) fn deepest_db(&self) -> f64 {
        let over = self.highest - self.start;
        if over <= 0.0 {
            return 0.0;
        }
        let bent = self.start + self.room * (over / self.room).tanh();
        20.0 * (bent / self.highest).log10()
    }
}

/// The mean of the curve less the identity between two neighbouring samples.
fn excess(from: f64, to: f64, start: f64, room: f64) -> f64 {
    let over = |x: f64| (x.abs() - start).max(0.0);
    if (to - from).abs() < 1e-5 {
        let middle = f64::midpoint(from, to);
        let over = over(middle);
        return (room * (over / room).tanh() - over).copysign(-middle) * f64::from(over > 0.0);
    }
    let integral = |x: f64| {
        let over = over(x);
        let scaled = over / room;
        // ln cosh without overflow.
        let cosh = scaled + (-2.0 * scaled).exp().ln_1p() - std::f64::consts::LN_2;
        room * room * cosh - 0.5 * over * over
    };
    (integral(to) - integral(from)) / (to - from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(gain: f64) -> [Vec<f32>; 2] {
        let wave: Vec<f32> =
            (0..4_410).map(|i| (gain * (f64::from(i) * 0.0143).sin()) as f32).collect();
        [wave.clone(), wave]
    }

    #[test]
    fn peaks_are_bent_by_the_depth_and_what_is_soft_passes() {
        let mut drive = Drive::new(1.0, 3.0);
        let mut loud = sine(1.0);
        drive.run(&mut loud);
        let peak = loud[0].iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        assert!((0.6..0.71).contains(&peak), "{peak}");
        assert!((-4.5..-3.0).contains(&drive.deepest_db()), "{}", drive.deepest_db());
        let mut soft = sine(0.39);
        Drive::new(1.0, 3.0).run(&mut soft);
        assert_eq!(soft, sine(0.39));
    }

    #[test]
    fn what_coincides_is_kept_under_the_ceiling_and_each_part_gives_its_share() {
        let (a, b) = (sine(0.8), sine(0.4));
        let mut both = [a.clone(), b.clone()];
        Drive::under(0.7, 3.0).run_sum(&mut both);
        let sums = both[0][0].iter().zip(&both[1][0]).map(|(a, b)| (a + b).abs());
        let peak = sums.fold(0.0, f32::max);
        assert!((0.6..=0.7001).contains(&peak), "{peak}");
        let shares = both[0][0].iter().zip(&both[1][0]);
        assert!(shares.clone().all(|(a, b)| (a - 2.0 * b).abs() < 1e-4));
        let mut soft = [sine(0.2), sine(0.2)];
        Drive::under(0.7, 3.0).run_sum(&mut soft);
        assert_eq!(soft, [sine(0.2), sine(0.2)]);
    }

    #[test]
    fn the_curve_is_odd_and_never_turns_round() {
        let mut ramp = [(-2_000..2_000).map(|i| i as f32 * 1e-3).collect(), Vec::new()];
        Drive::new(1.0, 3.0).run(&mut ramp);
        assert!(ramp[0].windows(2).all(|w| w[1] >= w[0] - 1e-6));
        for i in 1..2_000 {
            let (low, high) = (ramp[0][2_000 - i], ramp[0][2_000 + i]);
            assert!((low + high).abs() < 2e-3, "{low} and {high}");
        }
    }
}
