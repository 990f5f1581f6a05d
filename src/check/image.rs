//! How pictures become an input: what is allowed but cannot be meant.

use crate::graph::ImageSpec;

/// A number of an [`ImageSpec`] that is of another range.
pub struct ImageDoubt {
    /// Which one.
    pub attribute: &'static str,
    /// One line.
    pub message: String,
    /// The range that is likely meant.
    pub range: Option<u32>,
}

/// Means and deviations are of the range of the samples, so that none is above it: those of 0 to 255 want `range=255`, those of 0 to 1 nothing else.
pub fn image_doubt(spec: &ImageSpec) -> Option<ImageDoubt> {
    let most = |values: &[f32]| values.iter().copied().fold(0.0, f32::max);
    let (mean, std, range) = (most(&spec.mean), most(&spec.std), spec.range);
    let doubt = |attribute, message, range| {
        Some(ImageDoubt {
            attribute,
            message,
            range,
        })
    };
    let largest = mean.max(std);
    let meant = [1, 255, 65_535]
        .into_iter()
        .find(|range| largest <= *range as f32);
    if mean > range {
        let message = format!("the mean {mean} is above the range of the samples, 0 to {range}");
        return doubt("mean", message, meant);
    }
    if std > range {
        let message =
            format!("the deviation {std} is above the range of the samples, 0 to {range}");
        return doubt("std", message, meant);
    }
    // Deviations below 1 would make samples of 0 to 255 larger.
    let is_of_one = mean > 0.0 && mean <= 1.0 && std > 0.0 && std < 1.0;
    if is_of_one && range > 2.0 {
        let message = format!(
            "the mean {mean} and the deviation {std} are of samples from 0 to 1, but the range is 0 to {range}"
        );
        return doubt("mean", message, meant);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_deviations_of_another_range_are_doubtful() {
        let doubt = |range, mean: f32, std: f32| {
            let spec = ImageSpec {
                range,
                mean: vec![mean],
                std: vec![std],
                ..ImageSpec::default()
            };
            image_doubt(&spec).map(|doubt| (doubt.attribute, doubt.range))
        };
        assert_eq!(doubt(1.0, 103.94, 1.0), Some(("mean", Some(255))));
        assert_eq!(doubt(1.0, 0.4, 58.4), Some(("std", Some(255))));
        assert_eq!(doubt(255.0, 0.485, 0.229), Some(("mean", Some(1))));
        assert_eq!(doubt(255.0, 3000.0, 1.0), Some(("mean", Some(65_535))));
        for (range, mean, std) in [
            (1.0, 0.485, 0.229),
            (1.0, 1.0, 1.0),
            (2.0, 1.0, 1.0),
            (255.0, 103.94, 1.0),
            (255.0, 127.5, 127.5),
            (255.0, 0.0, 255.0),
            (255.0, 0.0, 1.0),
        ] {
            assert_eq!(doubt(range, mean, std), None, "{range} {mean} {std}");
        }
    }
}
