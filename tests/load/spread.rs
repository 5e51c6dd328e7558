//! The median of a few values, and how far apart they are.

/// Values in their order.
pub struct Spread(Vec<f64>);

impl Spread {
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The upper one of two.
    pub fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// `least-most`.
    pub fn range(&self) -> String {
        let [least, most] = [self.0.first(), self.0.last()].map(|value| value.copied().unwrap_or(f64::NAN));
        format!("{least:.2}-{most:.2}")
    }
}
