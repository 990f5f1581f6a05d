//! Bilinear resizing as Pillow (and so torchvision on pictures) does it, bit for bit.
//!
//! The triangle filter is as wide as the reduction, so that every source pixel counts (antialiasing); rows and columns are done one after the
//! other; weights are fixed-point numbers of 22 bits and each pass rounds to 8 bits. See `Resample.c` in Pillow.

/// A picture of 8-bit samples: `channels` side by side for each pixel, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Samples of a pixel.
    pub channels: usize,
    /// `height * width * channels` samples.
    pub samples: Vec<u8>,
}

/// Fraction bits of a weight: 32 minus 8 of the sample minus 2 of headroom.
const PRECISION: u32 = 22;

/// What one pixel of the result sums: the source's pixels from `first` on, with their weights.
struct Window {
    first: usize,
    weights: Vec<i32>,
}

/// The windows of a line of `output` pixels over one of `input` pixels.
fn windows(input: usize, output: usize) -> Vec<Window> {
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
            let fixed = |weight: f64| {
                let weight = if total == 0.0 { weight } else { weight / total };
                (0.5 + weight * f64::from(1 << PRECISION)) as i32
            };
            Window {
                first,
                weights: weights.into_iter().map(fixed).collect(),
            }
        })
        .collect()
}

/// The weighted sum of samples that are `stride` apart, rounded to 8 bits.
fn sum(samples: &[u8], window: &Window, stride: usize) -> u8 {
    let products = window
        .weights
        .iter()
        .zip(samples.iter().step_by(stride))
        .map(|(weight, sample)| weight * i32::from(*sample));
    let total = products.fold(1i32 << (PRECISION - 1), i32::wrapping_add);
    (total >> PRECISION).clamp(0, 255) as u8
}

/// The picture with another size. A size of zero answers an empty picture.
pub fn resize_bilinear(picture: &Pixels, [height, width]: [usize; 2]) -> Pixels {
    let n = picture.channels;
    let mut wide = Pixels {
        width,
        samples: Vec::with_capacity(picture.height * width * n),
        ..*picture
    };
    if width == picture.width {
        wide.samples.clone_from(&picture.samples);
    } else {
        let windows = windows(picture.width, width);
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
    for window in windows(picture.height, height) {
        let place = |column| &wide.samples[window.first * row + column..];
        samples.extend((0..row).map(|column| sum(place(column), &window, row)));
    }
    Pixels {
        height,
        samples,
        ..wide
    }
}
