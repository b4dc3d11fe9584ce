//! One room and one echo for the whole mix, fed by the layers' sends; both are over after a known time.
//!
//! Room: J.-M. Jot and A. Chaigne, "Digital delay networks for designing artificial reverberators", AES
//! 90 (1991): eight delay lines, a Householder matrix, a damping low-pass of three taps per line. We differ:
//! three networks take turns. Each hears [`TURN`] frames, rings out and is emptied, so that nothing is heard
//! of a sound [`LONGEST_TAIL`] and a turn after it; responses are linear, so the turns add up to one room.
//! Echo: taps a given time apart that answer each other across the sides, darker with each repeat, as a chain
//! without feedback.

use dream_audio::filter::Biquad;

use super::timeline::RATE;

const LINES: usize = 8;
/// Lengths of the lines in frames, primes so that their echoes do not coincide.
const LENGTHS: [usize; LINES] = [1327, 1559, 1801, 2089, 2351, 2633, 2939, 3229];
/// Frames computed at once: fewer than any line holds, so that a line's output is known before its input.
const CHUNK: usize = 512;

/// Networks that take turns.
const NETWORKS: usize = 3;
/// Frames that a network hears: 2.4 s.
const TURN: usize = 105_840;
/// Frames after which a network is emptied at the latest: 4.8 s.
const LONGEST_TAIL: usize = (NETWORKS - 1) * TURN;
/// Frames before the first reflection: 15 ms.
const PREDELAY: usize = 662;

/// A delay line of fixed length.
#[derive(Debug, Clone)]
struct Line {
    ring: Vec<f32>,
    at: usize,
    /// The two samples before the ones read next: the damping looks back at them.
    past: [f32; 2],
}

impl Line {
    fn new(frames: usize) -> Self {
        Self { ring: vec![0.0; frames.max(CHUNK)], at: 0, past: [0.0; 2] }
    }

    fn clear(&mut self) {
        self.ring.fill(0.0);
        self.past = [0.0; 2];
    }

    /// What was written the line's length ago.
    fn read(&self, out: &mut [f32]) {
        let first = out.len().min(self.ring.len() - self.at);
        let (head, tail) = out.split_at_mut(first);
        head.copy_from_slice(&self.ring[self.at..self.at + first]);
        tail.copy_from_slice(&self.ring[..tail.len()]);
    }

    /// The same through the low-pass of three taps, times `gain`; one frame late.
    fn read_damped(&mut self, out: &mut [f32], gain: f32) {
        let mut taps = [0.0; CHUNK + 2];
        let taps = &mut taps[..out.len() + 2];
        taps[..2].copy_from_slice(&self.past);
        self.read(&mut taps[2..]);
        self.past.copy_from_slice(&taps[out.len()..]);
        for (y, x) in out.iter_mut().zip(taps.windows(3)) {
            *y = gain * (0.25 * (x[0] + x[2]) + 0.5 * x[1]);
        }
    }

    /// Writes in place of what was read last, and moves on.
    fn write(&mut self, input: &[f32]) {
        let first = input.len().min(self.ring.len() - self.at);
        let (head, tail) = input.split_at(first);
        self.ring[self.at..self.at + first].copy_from_slice(head);
        self.ring[..tail.len()].copy_from_slice(tail);
        self.at = (self.at + input.len()) % self.ring.len();
    }
}

/// A reverb of eight lines.
#[derive(Debug, Clone)]
struct Network {
    lines: [Line; LINES],
    gains: [f32; LINES],
}

impl Network {
    fn new(decay_s: f64) -> Self {
        let gain = |length: usize| 10.0_f64.powf(-3.0 * length as f64 / RATE.hz() / decay_s) as f32;
        Self { lines: LENGTHS.map(Line::new), gains: LENGTHS.map(gain) }
    }

    /// Adds the answer to up to [`CHUNK`] frames of left and right.
    fn add(&mut self, input: [&[f32]; 2], out: [&mut [f32]; 2], fade: impl Fn(usize) -> f32) {
        let frames = input[0].len();
        let mut outs = [[0.0; CHUNK]; LINES];
        let mut spread = [0.0; CHUNK];
        for ((line, out), gain) in self.lines.iter_mut().zip(&mut outs).zip(self.gains) {
            line.read_damped(&mut out[..frames], gain);
            spread.iter_mut().zip(&out[..frames]).for_each(|(sum, x)| *sum += x);
        }
        let mut fed = [0.0; CHUNK];
        for (k, line) in self.lines.iter_mut().enumerate() {
            // Middle plus or minus side: left for one line, right for the next.
            let side = input[k % 2];
            for i in 0..frames {
                fed[i] = side[i] + outs[k][i] - spread[i] * (2.0 / LINES as f32);
            }
            line.write(&fed[..frames]);
        }
        for (c, out) in out.into_iter().enumerate() {
            for (i, y) in out.iter_mut().enumerate() {
                let sum = outs[c][i] + outs[c + 2][i] - outs[c + 4][i] - outs[c + 6][i];
                *y += 0.5 * fade(i) * sum;
            }
        }
    }
}

/// The room of the mix.
#[derive(Debug)]
pub(crate) struct Room {
    networks: [Network; NETWORKS],
    /// Frames that a network rings after its turn.
    tail: usize,
    inlet: [Biquad; 2],
    predelay: [Line; 2],
    now: usize,
}

impl Room {
    /// A room whose sound falls by 60 dB in `decay_s`.
    pub(crate) fn new(decay_s: f64) -> Self {
        let network = Network::new(decay_s);
        Self {
            networks: [network.clone(), network.clone(), network],
            tail: ((1.75 * decay_s * RATE.hz()) as usize).min(LONGEST_TAIL),
            inlet: [Biquad::highpass(220.0, 0.7, RATE.hz()); 2],
            predelay: [Line::new(PREDELAY), Line::new(PREDELAY)],
            now: 0,
        }
    }

    /// Adds the room's answer to `sent` to `out`; both are left and right.
    pub(crate) fn add(&mut self, sent: &[Vec<f32>; 2], out: &mut [Vec<f32>; 2]) {
        let total = sent[0].len();
        let mut start = 0;
        while start < total {
            let turn = self.now % TURN;
            let frames = CHUNK.min(total - start).min(TURN - turn);
            let mut input = [[0.0; CHUNK]; 2];
            for c in 0..2 {
                let input = &mut input[c][..frames];
                self.predelay[c].read(input);
                let mut cut = [0.0; CHUNK];
                for (y, x) in cut.iter_mut().zip(&sent[c][start..start + frames]) {
                    *y = self.inlet[c].step(f64::from(*x)) as f32;
                }
                self.predelay[c].write(&cut[..frames]);
            }
            let [left, right] = &mut *out;
            self.turn(
                [&input[0][..frames], &input[1][..frames]],
                [&mut left[start..start + frames], &mut right[start..start + frames]],
            );
            self.now += frames;
            start += frames;
        }
    }

    /// Feeds the network whose turn it is and lets the others ring.
    fn turn(&mut self, input: [&[f32]; 2], out: [&mut [f32]; 2]) {
        const SILENCE: [f32; CHUNK] = [0.0; CHUNK];
        let frames = input[0].len();
        let [left, right] = out;
        for (k, network) in self.networks.iter_mut().enumerate() {
            // Frames since its turn began.
            let since = (self.now + (NETWORKS - k) * TURN) % (NETWORKS * TURN);
            if since == 0 {
                network.lines.iter_mut().for_each(Line::clear);
            }
            if since >= TURN + self.tail {
                continue;
            }
            let input = if since < TURN { input } else { [&SILENCE[..frames]; 2] };
            let (end, fade) = ((TURN + self.tail) as f32, 0.2 * self.tail as f32);
            let left_over = |i: usize| ((end - (since + i) as f32) / fade).clamp(0.0, 1.0);
            network.add(input, [&mut *left, &mut *right], left_over);
        }
    }
}

/// Longest time in which an echo is over, seconds.
const ECHO_S: f64 = 6.5;
/// Most repeats of an echo.
const REPEATS: usize = 14;

/// An echo that alternates between the sides.
#[derive(Debug)]
pub(crate) struct Echo {
    /// One line per repeat, each fed by the one before.
    repeats: Vec<Line>,
    feedback: f32,
    inlet: Biquad,
}

impl Echo {
    /// An echo every `frames` frames, each `feedback` times as loud as the one before.
    pub(crate) fn new(frames: i64, feedback: f32) -> Self {
        let frames = frames.max(1) as usize;
        let most = (ECHO_S * RATE.hz()) as usize / frames;
        Self {
            repeats: vec![Line::new(frames); most.clamp(1, REPEATS)],
            feedback,
            inlet: Biquad::highpass(300.0, 0.7, RATE.hz()),
        }
    }

    /// Adds the echoes of `sent` to `out`; both are left and right.
    pub(crate) fn add(&mut self, sent: &[Vec<f32>; 2], out: &mut [Vec<f32>; 2]) {
        let total = sent[0].len();
        for start in (0..total).step_by(CHUNK) {
            let frames = CHUNK.min(total - start);
            let mut signal = [0.0; CHUNK];
            for (i, x) in signal[..frames].iter_mut().enumerate() {
                let sum = 0.5 * (sent[0][start + i] + sent[1][start + i]);
                *x = self.inlet.step(f64::from(sum)) as f32;
            }
            for (k, line) in self.repeats.iter_mut().enumerate() {
                let mut delayed = [0.0; CHUNK];
                let gain = if k == 0 { 1.0 } else { self.feedback };
                line.read_damped(&mut delayed[..frames], gain);
                line.write(&signal[..frames]);
                let side = &mut out[k % 2][start..start + frames];
                side.iter_mut().zip(&delayed).for_each(|(y, x)| *y += x);
                signal = delayed;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer to a click at frame `at`, in blocks of that many frames.
    fn answer(space: &mut dyn FnMut(&[Vec<f32>; 2], &mut [Vec<f32>; 2]), at: usize) -> Vec<f32> {
        let mut all = Vec::new();
        for start in (0..at + 400_000).step_by(7_000) {
            let mut sent = [vec![0.0; 7_000], vec![0.0; 7_000]];
            if (start..start + 7_000).contains(&at) {
                sent.iter_mut().for_each(|side| side[at - start] = 1.0);
            }
            let mut out = [vec![0.0; 7_000], vec![0.0; 7_000]];
            space(&sent, &mut out);
            all.extend(out[0].iter().zip(&out[1]).map(|(l, r)| l.abs().max(r.abs())));
        }
        all
    }

    #[test]
    fn a_room_falls_by_its_decay_and_is_over_after_seven_and_a_half_seconds() {
        for at in [0, 50_000, 105_839, 105_840] {
            let mut room = Room::new(2.0);
            let out = answer(&mut |sent, out| room.add(sent, out), at);
            let level = |from: f64| {
                let from = at + (from * 44_100.0) as usize;
                let power: f32 = out[from..from + 4_410].iter().map(|x| x * x).sum();
                10.0 * power.max(1e-20).log10()
            };
            let fall = level(0.2) - level(1.2);
            assert!((25.0..60.0).contains(&fall), "{fall} dB in a second, from {at}");
            assert!(out[..at].iter().all(|x| x.abs() < 1e-12), "nothing comes before");
            assert!(out[at + 330_750..].iter().all(|x| x.to_bits() == 0), "it is over");
        }
    }

    #[test]
    fn echoes_come_on_time_softer_each_time_and_end() {
        let mut echo = Echo::new(22_050, 0.5);
        let out = answer(&mut |sent, out| echo.add(sent, out), 1_000);
        let peak = |k: usize| {
            let at = 1_000 + k * 22_050;
            out[at - 20..at + 200].iter().fold(0.0_f32, |p, x| p.max(x.abs()))
        };
        for k in 1..6 {
            assert!(peak(k) > 0.1 * 0.5_f32.powi(k as i32 - 1) && peak(k + 1) < peak(k), "{k}");
        }
        assert!(out[..20_000].iter().all(|x| x.abs() < 1e-9));
        assert!(out[330_750..].iter().all(|x| x.abs() < 1e-12));
    }
}
