//! Several turns of one figure.

use std::fmt;

/// The median of several turns, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Summary {
    /// Of at least one turn.
    pub fn of(turns: &[f64]) -> Summary {
        let mut sorted = turns.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Summary {
            median,
            low: sorted[0],
            high: sorted[sorted.len() - 1],
        }
    }

    /// Of each turn's ratio: what disturbs a turn disturbs both sides of it.
    pub fn of_ratios(over: &[f64], under: &[f64]) -> Summary {
        let ratios: Vec<f64> = over.iter().zip(under).map(|(a, b)| a / b).collect();
        Summary::of(&ratios)
    }
}

/// The median, and in brackets the lowest and the highest turn where they differ from it; to the
/// precision that was asked for.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let [median, low, high] =
            [self.median, self.low, self.high].map(|value| format!("{value:.digits$}"));
        if low == median && high == median {
            f.write_str(&median)
        } else {
            write!(f, "{median} ({low} to {high})")
        }
    }
}
