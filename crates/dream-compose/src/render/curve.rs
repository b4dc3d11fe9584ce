//! Values that move over time: gates, fades, filters, levels.

/// A value that moves from `from` at `start` to `to` at `end` and then holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Move {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) from: f32,
    pub(crate) to: f32,
}

/// A value over the frames of the track: before the first move the neutral one, then that of the last
/// move that has started.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Curve {
    neutral: f32,
    moves: Vec<Move>,
}

impl Curve {
    /// A curve of these moves; of moves with the same start the later one holds.
    pub(crate) fn with(neutral: f32, mut moves: Vec<Move>) -> Self {
        moves.sort_by_key(|a| a.start);
        Self { neutral, moves }
    }

    /// Whether it never leaves its neutral value.
    pub(crate) fn is_neutral(&self) -> bool {
        let same = |value: f32| (value - self.neutral).abs() < 1e-9;
        self.moves.iter().all(|m| same(m.from) && same(m.to))
    }

    pub(crate) fn at(&self, frame: i64) -> f32 {
        let after = self.moves.partition_point(|m| m.start <= frame);
        let Some(m) = after.checked_sub(1).map(|i| self.moves[i]) else { return self.neutral };
        if frame >= m.end {
            return m.to;
        }
        let share = (frame - m.start) as f32 / (m.end - m.start) as f32;
        m.from + (m.to - m.from) * share
    }
}

/// A gate that is open but for the given spans of frames: it closes in 5 ms from each start and is open
/// again 3 ms before each end, so that a hit on the end keeps its attack.
pub(crate) fn rests(mut spans: Vec<(i64, i64)>) -> Curve {
    const CLOSE: i64 = 220;
    const OPEN: (i64, i64) = (360, 140);
    spans.retain(|(start, end)| end - start > CLOSE + OPEN.0);
    spans.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (start, end) in spans {
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    let moves = joined.into_iter().flat_map(|(start, end)| {
        [
            Move { start, end: start + CLOSE, from: 1.0, to: 0.0 },
            Move { start: end - OPEN.0, end: end - OPEN.1, from: 0.0, to: 1.0 },
        ]
    });
    Curve::with(1.0, moves.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_moves_and_holds() {
        let curve = Curve::with(1.0, vec![Move { start: 10, end: 20, from: 0.0, to: 4.0 }]);
        for (frame, expected) in [(9, 1.0), (10, 0.0), (15, 2.0), (20, 4.0), (99, 4.0)] {
            assert!((curve.at(frame) - expected).abs() < 1e-6, "{frame}");
        }
    }

    #[test]
    fn a_rest_is_closed_inside_and_open_on_its_end() {
        let gate = rests(vec![(1000, 9000), (8000, 20_000)]);
        assert!((gate.at(1000) - 1.0).abs() < 1e-6);
        assert!(gate.at(1220).abs() < 1e-6 && gate.at(9000).abs() < 1e-6);
        assert!((gate.at(19_900) - 1.0).abs() < 1e-6);
    }
}
