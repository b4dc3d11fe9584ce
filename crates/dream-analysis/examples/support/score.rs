//! Scores of a classifier: recall, F1, confusion, calibration.

use std::fmt::Write;

use dream_analysis::category::decide;
use dream_core::Category;

/// A sound that was judged by a model which had not seen its pack.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    pub(crate) truth: Category,
    /// Probabilities in the order of `Category::ALL`.
    pub(crate) probabilities: Vec<f32>,
    pub(crate) free: bool,
}

impl Judged {
    pub(crate) fn best(&self) -> (Category, f32) {
        decide(&self.probabilities)
    }
}

/// Whether a reasonable listener would let `found` pass for `truth`.
pub(crate) fn near(truth: Category, found: Category) -> bool {
    use Category::{Atmo, Fx, Guitar, Hihat, Lead, Pad, Percussion, Piano, Synth};
    truth == found
        || match truth {
            Lead => matches!(found, Synth | Guitar | Piano),
            Pad => matches!(found, Atmo | Synth),
            Fx => found == Atmo,
            Percussion => found == Hihat,
            _ => false,
        }
}

/// The figures of a set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Score {
    pub(crate) count: usize,
    pub(crate) accuracy: f64,
    /// Means over the categories that occur.
    pub(crate) recall: f64,
    pub(crate) recall_near: f64,
    pub(crate) f1: f64,
    /// Expected calibration error over ten bins of confidence.
    pub(crate) ece: f64,
}

pub(crate) fn score(judged: &[&Judged]) -> Score {
    let found: Vec<(Category, Category, f32)> =
        judged.iter().map(|j| (j.truth, j.best().0, j.best().1)).collect();
    let count = |f: &dyn Fn(&(Category, Category, f32)) -> bool| {
        found.iter().filter(|x| f(x)).count() as f64
    };
    let (mut recall, mut recall_near, mut f1, mut classes) = (0.0, 0.0, 0.0, 0.0);
    for &c in Category::ALL {
        let all = count(&|x| x.0 == c);
        if all == 0.0 {
            continue;
        }
        let right = count(&|x| x.0 == c && x.1 == c);
        classes += 1.0;
        recall += right / all;
        recall_near += count(&|x| x.0 == c && near(c, x.1)) / all;
        f1 += 2.0 * right / (all + count(&|x| x.1 == c));
    }
    let n = found.len().max(1) as f64;
    let classes = f64::max(classes, 1.0);
    let ece = (0..10).map(|bin| {
        let inside = |p: f32| ((p * 10.0) as usize).min(9) == bin;
        let sure: f64 = found.iter().filter(|x| inside(x.2)).map(|x| f64::from(x.2)).sum();
        (sure - count(&|x| inside(x.2) && x.0 == x.1)).abs() / n
    });
    Score {
        count: found.len(),
        accuracy: count(&|x| x.0 == x.1) / n,
        recall: recall / classes,
        recall_near: recall_near / classes,
        f1: f1 / classes,
        ece: ece.sum(),
    }
}

/// The figures as a row of a table.
pub(crate) fn row(name: &str, score: &Score) -> String {
    let Score { count, accuracy, recall, recall_near, f1, ece } = score;
    format!(
        "| {name} | {count} | {accuracy:.3} | {recall:.3} | {recall_near:.3} | {f1:.3} | {ece:.3} |"
    )
}

/// The confusion matrix: a row per truth, a column per answer, and the recall plain and with neighbours.
pub(crate) fn confusion(judged: &[&Judged]) -> String {
    let short = |c: Category| c.name().chars().take(4).collect::<String>();
    let mut text = String::from("truth      ");
    for &c in Category::ALL {
        let _ = write!(text, "{:>5}", short(c));
    }
    text.push_str("   recall  near\n");
    for &truth in Category::ALL {
        let of: Vec<Category> =
            judged.iter().filter(|j| j.truth == truth).map(|j| j.best().0).collect();
        if of.is_empty() {
            continue;
        }
        let _ = write!(text, "{:<11}", truth.name());
        for &c in Category::ALL {
            let n = of.iter().filter(|found| **found == c).count();
            let _ = if n == 0 { write!(text, "    .") } else { write!(text, "{n:>5}") };
        }
        let n = of.len() as f64;
        let plain = of.iter().filter(|found| **found == truth).count() as f64 / n;
        let close = of.iter().filter(|found| near(truth, **found)).count() as f64 / n;
        let _ = writeln!(text, "   {plain:>6.2}{close:>6.2}");
    }
    text
}

/// The divisor of the logits that makes the truths most probable.
pub(crate) fn temperature(logits: &[(Category, Vec<f32>)]) -> f32 {
    let loss = |divisor: f32| -> f64 {
        logits
            .iter()
            .map(|(truth, logits)| {
                let at = Category::ALL.iter().position(|c| c == truth).unwrap_or_default();
                let sum: f64 =
                    logits.iter().map(|l| f64::from((l - logits[at]) / divisor).exp()).sum();
                sum.ln()
            })
            .sum()
    };
    let steps = (0..80).map(|i| 0.4 * 1.05_f32.powi(i));
    steps.map(|d| (loss(d), d)).min_by(|a, b| a.0.total_cmp(&b.0)).map_or(1.0, |best| best.1)
}
