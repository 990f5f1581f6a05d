//! What was measured of convolutions: [`crate::tune`] learns it, the planner reads it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConvSpec;
use super::conv::Algorithm;

/// What the speed of a convolution depends on, on a given machine. Bias and epilogue are left out: they cost every algorithm the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvShape {
    /// Channels, height, width.
    pub input: [usize; 3],
    /// Channels, height, width.
    pub output: [usize; 3],
    /// Taps: height, width.
    pub kernel: [usize; 2],
    /// By row and by column.
    pub stride: [usize; 2],
    /// By row and by column.
    pub dilation: [usize; 2],
    /// Above and on the left; what is below and on the right follows from the sizes.
    pub pad: [usize; 2],
    /// Groups of channels.
    pub groups: usize,
}

impl ConvShape {
    /// That of a convolution that computes its whole map.
    pub fn of(spec: &ConvSpec) -> ConvShape {
        let (input, output) = (&spec.input, &spec.output);
        ConvShape {
            input: [input.channels, input.height, input.width],
            output: [output.channels, output.height, output.width],
            kernel: spec.kernel,
            stride: spec.stride,
            dilation: spec.dilation,
            pad: spec.origin.map(isize::unsigned_abs),
            groups: spec.groups,
        }
    }
}

/// The time that each algorithm takes for one image on one thread.
pub type Times = BTreeMap<Algorithm, Duration>;

/// The times of convolutions on one machine. An empty one leaves every choice to the cost model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    times: BTreeMap<ConvShape, Times>,
}

impl Tuning {
    /// Notes what was measured of a shape, in place of what was known.
    pub fn record(&mut self, shape: ConvShape, times: Times) {
        self.times.insert(shape, times);
    }

    /// All that is known, in the order of the shapes.
    pub fn iter(&self) -> impl Iterator<Item = (&ConvShape, &Times)> {
        self.times.iter()
    }

    /// The times of these algorithms for a convolution, in their order; `None` unless all of them are known.
    pub fn times(
        &self,
        spec: &ConvSpec,
        algorithms: &[Algorithm],
    ) -> Option<Vec<(Algorithm, Duration)>> {
        let known = self.times.get(&ConvShape::of(spec))?;
        let time = |algorithm: &Algorithm| Some((*algorithm, *known.get(algorithm)?));
        algorithms.iter().map(time).collect()
    }
}
