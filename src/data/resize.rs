//! Bilinear resizing as Pillow (and so torchvision on pictures) does it, bit for bit.
//!
//! The triangle filter is as wide as the reduction, so that every source pixel counts (antialiasing); rows and columns are done one after the
//! other, and each pass rounds to whole samples. Weights of 8-bit samples are fixed-point numbers of 22 bits, those of 16-bit samples are floats of 64 bits. See `Resample.c` in Pillow, which
//! knows the latter for one channel only (`I;16`); here each channel of a picture of 16 bits is resized so.

/// A picture: `channels` samples side by side for each pixel, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels<S = u8> {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Samples of a pixel.
    pub channels: usize,
    /// `height * width * channels` samples.
    pub samples: Vec<S>,
}

/// A sample, and how sums of weighted samples are taken.
pub trait Sample: Copy + Default {
    /// White.
    const MAX: u16;

    /// What samples are multiplied by.
    type Weight: Copy;

    /// A weight of a window, whose sum is 1.
    fn weight(weight: f64) -> Self::Weight;

    /// The sum of products, rounded.
    fn sum(products: impl Iterator<Item = (Self::Weight, Self)>) -> Self;

    /// From black to [`Sample::MAX`].
    fn value(self) -> u16;

    /// The sample of a value, which is at most [`Sample::MAX`].
    fn of_value(value: u16) -> Self;
}

impl Sample for u8 {
    const MAX: u16 = u8::MAX as u16;

    type Weight = i32;

    fn weight(weight: f64) -> i32 {
        (0.5 + weight * f64::from(1 << PRECISION)) as i32
    }

    fn sum(products: impl Iterator<Item = (i32, u8)>) -> u8 {
        let products = products.map(|(weight, sample)| weight * i32::from(sample));
        let total = products.fold(1i32 << (PRECISION - 1), i32::wrapping_add);
        (total >> PRECISION).clamp(0, 255) as u8
    }

    fn value(self) -> u16 {
        self.into()
    }

    fn of_value(value: u16) -> u8 {
        value as u8
    }
}

impl Sample for u16 {
    const MAX: u16 = u16::MAX;

    type Weight = f64;

    fn weight(weight: f64) -> f64 {
        weight
    }

    fn sum(products: impl Iterator<Item = (f64, u16)>) -> u16 {
        let total: f64 = products
            .map(|(weight, sample)| weight * f64::from(sample))
            .sum();
        // Conversion cuts the fraction off and keeps to the range.
        (total + 0.5) as u16
    }

    fn value(self) -> u16 {
        self
    }

    fn of_value(value: u16) -> u16 {
        value
    }
}

/// Fraction bits of a weight: 32 minus 8 of the sample minus 2 of headroom.
const PRECISION: u32 = 22;

/// What one pixel of the result sums: the source's pixels from `first` on, with their weights.
struct Window<W> {
    first: usize,
    weights: Vec<W>,
}

/// The windows of a line of `output` pixels over one of `input` pixels.
fn windows<S: Sample>(input: usize, output: usize) -> Vec<Window<S::Weight>> {
    let scale = input as f64 / output as f64;
    let reach = scale.max(1.0);
    (0..output)
        .map(|index| {
            let centre = (index as f64 + 0.5) * scale;
            // Truncation towards zero after adding a half is Pillow's rounding; negative numbers are cut to 0 first or last alike.
            let first = ((centre - reach + 0.5) as i64).max(0) as usize;
            let end = ((centre + reach + 0.5) as i64).clamp(0, input as i64) as usize;
            let weights: Vec<f64> = (first..end)
                .map(|x| {
                    let distance = (x as f64 - centre + 0.5) * (1.0 / reach);
                    (1.0 - distance.abs()).max(0.0)
                })
                .collect();
            let total: f64 = weights.iter().sum();
            let share = |weight: f64| S::weight(if total == 0.0 { weight } else { weight / total });
            Window {
                first,
                weights: weights.into_iter().map(share).collect(),
            }
        })
        .collect()
}

/// The weighted sum of samples that are `stride` apart.
fn sum<S: Sample>(samples: &[S], window: &Window<S::Weight>, stride: usize) -> S {
    let samples = samples.iter().step_by(stride).copied();
    S::sum(window.weights.iter().copied().zip(samples))
}

/// The picture with another size. A size of zero answers an empty picture.
pub fn resize_bilinear<S: Sample>(picture: &Pixels<S>, [height, width]: [usize; 2]) -> Pixels<S> {
    let n = picture.channels;
    let mut wide = Pixels {
        width,
        samples: Vec::with_capacity(picture.height * width * n),
        ..*picture
    };
    if width == picture.width {
        wide.samples.clone_from(&picture.samples);
    } else {
        let windows = windows::<S>(picture.width, width);
        for row in picture.samples.chunks_exact((picture.width * n).max(1)) {
            for window in &windows {
                let channels = (0..n).map(|c| sum(&row[window.first * n + c..], window, n));
                wide.samples.extend(channels);
            }
        }
    }
    if height == picture.height {
        return wide;
    }
    let row = width * n;
    let mut samples = Vec::with_capacity(height * row);
    for window in windows::<S>(picture.height, height) {
        let place = |column| &wide.samples[window.first * row + column..];
        samples.extend((0..row).map(|column| sum(place(column), &window, row)));
    }
    Pixels {
        height,
        samples,
        ..wide
    }
}
