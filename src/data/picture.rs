//! Pictures: reading PNG and JPEG (the sole user of the `image` crate) and turning them into an input.

use std::io::BufReader;
use std::path::Path;

use image::{DynamicImage, ImageReader};

use super::resize::{Pixels, resize_bilinear};
use super::{Array, unusable};
use crate::diagnostic::Diagnostic;
use crate::files;
use crate::graph::{ChannelOrder, ImageResize, ImageSpec, Shape};
use crate::limits;

/// Reads a picture and preprocesses it: resize, crop, order of channels, range, mean and deviation. The shape answered is `[C, H, W]`.
///
/// The steps compute what Pillow and torchvision (`Resize`, `CenterCrop`, `ToTensor`, `Normalize`) do, to the last bit after the
/// decoder; JPEG decoders differ among each other by one or two of 255. Transparency is dropped, 16-bit samples lose their
/// lower byte, orientation tags are not applied.
pub fn read_picture(path: &Path, spec: &ImageSpec, shape: &Shape) -> Result<Array, Diagnostic> {
    let picture = decode(path)?;
    let pixels = match spec.order {
        ChannelOrder::Gray => to_gray(&picture),
        ChannelOrder::Rgb | ChannelOrder::Bgr => to_rgb(&picture),
    };
    drop(picture);
    let size = match (spec.resize, spec.crop) {
        (Some(ImageResize::Exact(size)), _) => size,
        (Some(ImageResize::ShorterSide(side)), _) => {
            shorter_side([pixels.height, pixels.width], side)
        }
        (None, Some(_)) => [pixels.height, pixels.width],
        (None, None) => [shape.height() as usize, shape.width() as usize],
    };
    // A picture of one row resized by its shorter side could become as wide as it likes.
    if size.iter().map(|size| *size as u64).product::<u64>() > limits::IMAGE_PIXELS {
        return Err(unusable(
            path,
            format!(
                "resized to {}x{} it is larger than the limit of {} pixels",
                size[0],
                size[1],
                limits::IMAGE_PIXELS
            ),
        ));
    }
    let pixels = resize_bilinear(&pixels, size);
    let pixels = match spec.crop {
        Some(crop) => centre_crop(&pixels, crop),
        None => pixels,
    };
    for (what, values) in [("mean", &spec.mean), ("std", &spec.std)] {
        if !values.is_empty() && values.len() != pixels.channels {
            return Err(unusable(
                path,
                format!(
                    "the image preprocessing has {} values for `{what}` but {} channels",
                    values.len(),
                    pixels.channels
                ),
            ));
        }
    }
    Ok(normalize(&pixels, spec))
}

/// Height and width of a picture whose shorter side becomes `side`; torchvision cuts the other's fraction off.
fn shorter_side([height, width]: [usize; 2], side: usize) -> [usize; 2] {
    let longer =
        |long: usize, short: usize| (side as f64 * long as f64 / short.max(1) as f64) as usize;
    if height <= width {
        [side, longer(width, height)]
    } else {
        [longer(height, width), side]
    }
}

/// Decodes a file, its size checked first.
fn decode(path: &Path) -> Result<DynamicImage, Diagnostic> {
    let open = || ImageReader::new(BufReader::new(files::open(path)?)).with_guessed_format();
    let kind = |reader: &ImageReader<_>| reader.format().is_some();
    let reader = open().map_err(|error| unusable(path, files::reason(&error)))?;
    if !kind(&reader) {
        return Err(unusable(path, "it is neither a PNG nor a JPEG picture")
            .with_help("arrays are known by the names .npy and .safetensors"));
    }
    let (width, height) = reader
        .into_dimensions()
        .map_err(|error| unusable(path, error))?;
    if u64::from(width) * u64::from(height) > limits::IMAGE_PIXELS {
        return Err(unusable(
            path,
            format!(
                "its {width}x{height} pixels are more than the limit of {}",
                limits::IMAGE_PIXELS
            ),
        ));
    }
    let mut reader = open().map_err(|error| unusable(path, files::reason(&error)))?;
    if reader.format() == Some(image::ImageFormat::Jpeg) {
        let bytes = files::open(path)
            .and_then(|mut file| files::read_at_most(&mut file, limits::IMAGE_PIXELS * 4))
            .map_err(|error| unusable(path, files::reason(&error)))?
            .ok_or_else(|| unusable(path, "it is larger than a picture may be"))?;
        if !is_whole_jpeg(&bytes) {
            return Err(unusable(
                path,
                "it is truncated: a JPEG picture has an end marker",
            ));
        }
    }
    let mut cap = image::Limits::default();
    // The widest pixel has four samples of 16 bits; as much again for what the decoder keeps.
    cap.max_alloc = Some(limits::IMAGE_PIXELS * 16);
    reader.limits(cap);
    reader.decode().map_err(|error| unusable(path, error))
}

/// Whether a JPEG file has its end marker. The decoder fills what is missing with grey and says nothing.
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(offset) = bytes.get(at..).and_then(|rest| {
        // Within a scan, 0xFF is followed by 0 or a restart marker, which say nothing here; 0xFF before a marker fills.
        rest.windows(2)
            .position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0x01 | 0xd0..=0xd8 | 0xff))
    }) {
        let marker = at + offset;
        match bytes.get(marker + 1..marker + 4) {
            _ if bytes[marker + 1] == 0xd9 => return true,
            // A segment says how long it is, its length included: what is inside is not looked at.
            Some([_, high, low]) => {
                at = marker + 2 + usize::from(u16::from_be_bytes([*high, *low])).max(2);
            }
            _ => return false,
        }
    }
    false
}

fn to_rgb(picture: &DynamicImage) -> Pixels {
    let high = |samples: &[u16]| {
        samples
            .iter()
            .map(|sample| (sample >> 8) as u8)
            .collect::<Vec<u8>>()
    };
    let gray = |samples: &[u8]| {
        samples
            .iter()
            .flat_map(|sample| [*sample; 3])
            .collect::<Vec<u8>>()
    };
    let first = |samples: &[u8], n: usize| -> Vec<u8> {
        samples.chunks_exact(n).map(|pixel| pixel[0]).collect()
    };
    let colour = |samples: &[u8]| -> Vec<u8> {
        samples
            .chunks_exact(4)
            .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
            .collect()
    };
    let samples = match picture {
        DynamicImage::ImageRgb8(picture) => picture.as_raw().clone(),
        DynamicImage::ImageRgba8(picture) => colour(picture.as_raw()),
        DynamicImage::ImageRgb16(picture) => high(picture.as_raw()),
        DynamicImage::ImageRgba16(picture) => colour(&high(picture.as_raw())),
        DynamicImage::ImageLuma8(picture) => gray(picture.as_raw()),
        DynamicImage::ImageLumaA8(picture) => gray(&first(picture.as_raw(), 2)),
        DynamicImage::ImageLuma16(picture) => gray(&high(picture.as_raw())),
        DynamicImage::ImageLumaA16(picture) => gray(&first(&high(picture.as_raw()), 2)),
        other => other.to_rgb8().into_raw(),
    };
    pixels(picture, 3, samples)
}

/// Luminance as ITU-R 601 weighs it, in Pillow's fixed point.
fn to_gray(picture: &DynamicImage) -> Pixels {
    let rgb = to_rgb(picture);
    let luminance = |pixel: &[u8]| {
        let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
        ((r * 19_595 + g * 38_470 + b * 7_471 + 0x8000) >> 16) as u8
    };
    let samples = rgb.samples.chunks_exact(3).map(luminance).collect();
    pixels(picture, 1, samples)
}

fn pixels(picture: &DynamicImage, channels: usize, samples: Vec<u8>) -> Pixels {
    Pixels {
        height: picture.height() as usize,
        width: picture.width() as usize,
        channels,
        samples,
    }
}

/// The middle of a picture; where it is smaller than that, black around it.
fn centre_crop(picture: &Pixels, [height, width]: [usize; 2]) -> Pixels {
    // torchvision rounds the margin to even, and when it has to pad, the smaller half goes first.
    let start = |have: usize, want: usize| -> isize {
        match have.checked_sub(want) {
            Some(rest) => (rest as f64 / 2.0).round_ties_even() as isize,
            None => -(((want - have) / 2) as isize),
        }
    };
    let (top, left) = (start(picture.height, height), start(picture.width, width));
    let n = picture.channels;
    let mut samples = vec![0; height * width * n];
    let inside = |at: usize, start: isize, size: usize| {
        at.checked_add_signed(start).filter(|place| *place < size)
    };
    for (y, row) in samples.chunks_exact_mut((width * n).max(1)).enumerate() {
        let Some(source_y) = inside(y, top, picture.height) else {
            continue;
        };
        for (x, pixel) in row.chunks_exact_mut(n).enumerate() {
            if let Some(source_x) = inside(x, left, picture.width) {
                let at = (source_y * picture.width + source_x) * n;
                pixel.copy_from_slice(&picture.samples[at..at + n]);
            }
        }
    }
    Pixels {
        height,
        width,
        channels: n,
        samples,
    }
}

/// Samples to numbers, channel by channel. Every step rounds to f32, in the order in which torchvision does them.
fn normalize(picture: &Pixels, spec: &ImageSpec) -> Array {
    let n = picture.channels;
    let range = spec.range;
    let mut values = Vec::with_capacity(picture.samples.len());
    for channel in 0..n {
        let source = match spec.order {
            ChannelOrder::Bgr => n - 1 - channel,
            ChannelOrder::Rgb | ChannelOrder::Gray => channel,
        };
        let mean = spec.mean.get(channel).copied().unwrap_or(0.0);
        let std = spec.std.get(channel).copied().unwrap_or(1.0);
        let table: Vec<f32> = (0..=255u8)
            .map(|sample| {
                let sample = f32::from(sample);
                let bright = match range {
                    255.0 => sample,
                    range => sample / 255.0 * range,
                };
                (bright - mean) / std
            })
            .collect();
        let samples = picture.samples.iter().skip(source).step_by(n);
        values.extend(samples.map(|sample| table[usize::from(*sample)]));
    }
    Array {
        shape: vec![n, picture.height, picture.width],
        values,
    }
}
