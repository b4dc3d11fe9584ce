//! Finishing: what every sound of the kit passes last.
//!
//! High-pass, lows in the middle, silence cut off, clean ends, peak at its level. The fade-in is short,
//! because transients live in the first millisecond.

use super::sound::{Sound, frames};

/// How a sound ends up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finish {
    /// High-pass, Hz.
    pub highpass: f64,
    /// Seconds of raised-cosine fade at the start.
    pub fade_in: f64,
    /// Seconds of raised-cosine fade at the end, at most a quarter of the sound.
    pub fade_out: f64,
    /// Level below the loudest moment at which the sound is cut, dB.
    pub tail_db: f64,
    /// Peak level, dBFS.
    pub peak_db: f64,
}

impl Finish {
    /// For hits: everything down to -66 dB stays.
    pub(crate) const HIT: Self =
        Self { highpass: 20.0, fade_in: 0.0004, fade_out: 0.006, tail_db: -66.0, peak_db: -1.0 };
}

impl Sound {
    /// Finished as a hit.
    pub(crate) fn finish(self, highpass: f64) -> Self {
        self.finish_as(&Finish { highpass, ..Finish::HIT })
    }

    /// Finished with a longer fade at the end.
    pub(crate) fn finish_fading(self, highpass: f64, fade_out: f64) -> Self {
        self.finish_as(&Finish { highpass, fade_out, ..Finish::HIT })
    }

    /// Finished as given.
    pub(crate) fn finish_as(self, finish: &Finish) -> Self {
        let sound = self.hp(2, finish.highpass).centred_lows(150.0);
        let end = sound.audible_end(finish.tail_db);
        let sound = sound.slice(0, end);
        let fade_out = finish.fade_out.min(sound.seconds() / 4.0);
        sound.fades(finish.fade_in, fade_out).norm(finish.peak_db)
    }

    /// Removes the side signal below `hz`.
    pub(crate) fn centred_lows(self, hz: f64) -> Self {
        if !self.is_stereo() {
            return self;
        }
        let half_difference = |(l, r): (&f32, &f32)| 0.5 * (l - r);
        let side = self.channel(0).iter().zip(self.channel(1)).map(half_difference).collect();
        let side = Self::mono(side).hp(4, hz);
        let mid = self.into_mono();
        Self::pair(mid.clone() + side.clone(), mid + side * -1.0)
    }

    /// The frame after which an 11 ms envelope stays `level_db` below its maximum, plus 3 ms.
    fn audible_end(&self, level_db: f64) -> usize {
        const POLE: f32 = 0.002;
        let mut smooth = 0.0;
        let envelope: Vec<f32> = (0..self.len())
            .map(|i| {
                let x = self.channels().fold(0.0_f32, |peak, c| peak.max(c[i].abs()));
                smooth += POLE * (x - smooth);
                smooth
            })
            .collect();
        let top = envelope.iter().fold(0.0_f32, |top, &x| top.max(x));
        let floor = top * super::curve::db(level_db);
        let last = envelope.iter().rposition(|&x| x > floor).unwrap_or(0);
        self.len().min(last + 1 + frames(0.003))
    }
}

#[cfg(test)]
mod tests {
    use super::super::osc::sine;
    use super::*;

    #[test]
    fn silence_is_cut_and_the_peak_is_set() {
        let sound = (sine(0.2, |_| 500.0) + Sound::silence(1.0)).finish(20.0);
        assert!((20.0 * sound.peak().log10() + 1.0).abs() < 1e-3);
        assert!((0.2..0.3).contains(&sound.seconds()), "{}", sound.seconds());
    }

    #[test]
    fn lows_end_up_in_the_middle() {
        let sound = Sound::pair(sine(1.0, |_| 40.0), Sound::silence(1.0)).centred_lows(150.0);
        let side: Vec<f32> =
            sound.channel(0).iter().zip(sound.channel(1)).map(|(l, r)| l - r).collect();
        assert!(Sound::mono(side).slice(8_820, 44_100).power() < 1e-4);
    }
}
