//! Pictures: reading PNG and JPEG (the sole user of the `image` crate) and turning them into an input.

use std::io::Cursor;
use std::path::Path;

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageResult};

use super::resize::{Pixels, Sample, resize_bilinear};
use super::{Array, LeftOut, unusable};
use crate::diagnostic::Diagnostic;
use crate::files;
use crate::graph::{ChannelOrder, ImageResize, ImageSpec, Shape};
use crate::limits;

/// Reads a picture and preprocesses it: resize, crop, order of channels, range, mean and deviation. The shape answered is `[C, H, W]`.
///
/// The steps compute what Pillow and torchvision (`Resize`, `CenterCrop`, `ToTensor`, `Normalize`) do, to the last bit after the
/// decoder; JPEG decoders differ among each other by one or two of 255. Pictures of 16 bits keep them in every step. What of a file does not reach the array is in
/// `docs/language.md`, section 8.
pub fn read_picture(path: &Path, spec: &ImageSpec, shape: &Shape) -> Result<Array, Diagnostic> {
    read(path, spec, shape, &mut LeftOut::default())
}

/// [`read_picture`]; notes what is left out.
pub(super) fn read(
    path: &Path,
    spec: &ImageSpec,
    shape: &Shape,
    left_out: &mut LeftOut,
) -> Result<Array, Diagnostic> {
    let picture = decode(path, left_out)?;
    match Samples::of(picture) {
        Samples::Bytes(pixels) => preprocess(path, pixels, spec, shape),
        Samples::Words(pixels) => preprocess(path, pixels, spec, shape),
    }
}

fn preprocess<S: Sample>(
    path: &Path,
    pixels: Pixels<S>,
    spec: &ImageSpec,
    shape: &Shape,
) -> Result<Array, Diagnostic> {
    let pixels = match spec.order {
        ChannelOrder::Gray => to_gray(pixels),
        ChannelOrder::Rgb | ChannelOrder::Bgr => to_rgb(pixels),
    };
    let size = match (spec.resize, spec.crop) {
        (Some(ImageResize::Exact(size)), _) => size,
        (Some(ImageResize::ShorterSide(side)), _) => {
            shorter_side([pixels.height, pixels.width], side)
        }
        (None, Some(_)) => [pixels.height, pixels.width],
        (None, None) => [shape.height() as usize, shape.width() as usize],
    };
    // A picture of one row resized by its shorter side could become as wide as it likes; and rows are resized before columns.
    let most = size[0].max(pixels.height) as u64 * size[1] as u64;
    if most > limits::IMAGE_PIXELS {
        return Err(unusable(
            path,
            format!(
                "resizing {}x{} pixels to {}x{} takes {most}, more than the limit of {}",
                pixels.height,
                pixels.width,
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

/// Memory that a decoder may take besides the picture and what is as large as the file: colour profiles take some.
const DECODER_BYTES: u64 = 4 << 20;

/// Decodes a file, its size checked first.
fn decode(path: &Path, left_out: &mut LeftOut) -> Result<DynamicImage, Diagnostic> {
    let bytes = files::open(path)
        .and_then(|mut file| files::read_at_most(&mut file, limits::IMAGE_PIXELS * 8))
        .map_err(|error| unusable(path, files::reason(&error)))?
        .ok_or_else(|| unusable(path, "it is larger than a picture may be"))?;
    let wrong = |error| unusable(path, error);
    match image::guess_format(&bytes) {
        Ok(ImageFormat::Png) => {
            let Some(size) = png_size(&bytes) else {
                return Err(unusable(path, "it is a PNG without a header"));
            };
            check_pixels(path, size)?;
            // Packed chunks could take any amount of memory: the decoder unpacks them before it tells anything.
            let [width, height] = size.map(u64::from);
            let mut limits = image::Limits::default();
            limits.max_alloc = Some(width * height * 8 + bytes.len() as u64 + DECODER_BYTES);
            let decoder = PngDecoder::with_limits(Cursor::new(&bytes), limits).map_err(wrong)?;
            left_out.frames(path, decoder.is_apng().unwrap_or(false));
            finish(path, decoder, left_out).map_err(wrong)
        }
        Ok(ImageFormat::Jpeg) => {
            let frame = jpeg_frame(&bytes).filter(|frame| frame.is_whole);
            let Some(frame) = frame else {
                let reason = "it is truncated: a JPEG picture has an end marker";
                return Err(unusable(path, reason));
            };
            check_pixels(path, frame.size)?;
            left_out.inks(path, frame.channels == 4);
            let decoder = JpegDecoder::new(Cursor::new(&bytes)).map_err(wrong)?;
            let (width, height) = decoder.dimensions();
            check_pixels(path, [width, height])?;
            finish(path, decoder, left_out).map_err(wrong)
        }
        _ => Err(unusable(path, "it is neither a PNG nor a JPEG picture")
            .with_help("arrays are known by the names .npy and .safetensors")),
    }
}

fn finish(
    path: &Path,
    mut decoder: impl ImageDecoder,
    left_out: &mut LeftOut,
) -> ImageResult<DynamicImage> {
    let is_upright = matches!(
        decoder.orientation(),
        Ok(Orientation::NoTransforms) | Err(_)
    );
    left_out.orientation(path, !is_upright);
    let picture = DynamicImage::from_decoder(decoder)?;
    left_out.transparency(path, has_transparency(&picture));
    Ok(picture)
}

fn check_pixels(path: &Path, [width, height]: [u32; 2]) -> Result<(), Diagnostic> {
    if u64::from(width) * u64::from(height) > limits::IMAGE_PIXELS {
        return Err(unusable(
            path,
            format!(
                "its {width}x{height} pixels are more than the limit of {}",
                limits::IMAGE_PIXELS
            ),
        ));
    }
    Ok(())
}

/// Width and height of a PNG, from the chunk that every one begins with.
fn png_size(bytes: &[u8]) -> Option<[u32; 2]> {
    let chunk = bytes.get(12..24)?.strip_prefix(b"IHDR")?;
    let [width, height] = chunk.as_chunks::<4>().0 else {
        return None;
    };
    Some([*width, *height].map(u32::from_be_bytes))
}

/// What the segments of a JPEG file say.
struct JpegFrame {
    /// Width and height.
    size: [u32; 2],
    channels: u8,
    /// Whether the file has its end marker. The decoder fills what is missing with grey and says nothing.
    is_whole: bool,
}

/// Nothing if no segment says how large the picture is.
fn jpeg_frame(bytes: &[u8]) -> Option<JpegFrame> {
    let mut at = 2;
    let mut frame = None;
    while let Some(offset) = bytes.get(at..).and_then(|rest| {
        // Within a scan, 0xFF is followed by 0 or a restart marker, which say nothing here; 0xFF before a marker fills.
        rest.windows(2)
            .position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0x01 | 0xd0..=0xd8 | 0xff))
    }) {
        let marker = at + offset;
        match bytes.get(marker + 1..) {
            Some([0xd9, ..]) => {
                return frame.map(|frame| JpegFrame {
                    is_whole: true,
                    ..frame
                });
            }
            // A segment says how long it is, its length included: what is inside is not looked at, but for the start of a frame.
            Some([kind, high, low, inside @ ..]) => {
                if matches!(kind, 0xc0..=0xcf)
                    && !matches!(kind, 0xc4 | 0xc8 | 0xcc)
                    && let [_, h1, h0, w1, w0, channels, ..] = *inside
                {
                    frame = Some(JpegFrame {
                        size: [[w1, w0], [h1, h0]].map(|size| u16::from_be_bytes(size).into()),
                        channels,
                        is_whole: false,
                    });
                }
                at = marker + 2 + usize::from(u16::from_be_bytes([*high, *low])).max(2);
            }
            _ => break,
        }
    }
    frame
}

/// A picture of one channel or of three.
enum Samples {
    Bytes(Pixels<u8>),
    Words(Pixels<u16>),
}

impl Samples {
    /// Transparency is left out.
    fn of(picture: DynamicImage) -> Samples {
        let [height, width] = [picture.height(), picture.width()].map(|size| size as usize);
        fn colours<S: Copy>(samples: Vec<S>, of: usize) -> Vec<S> {
            let pixels = samples.chunks_exact(of);
            pixels.flat_map(|pixel| &pixel[..of - 1]).copied().collect()
        }
        macro_rules! pixels {
            ($kind:ident, $channels:expr, $samples:expr) => {
                Samples::$kind(Pixels {
                    height,
                    width,
                    channels: $channels,
                    samples: $samples,
                })
            };
        }
        match picture {
            DynamicImage::ImageLuma8(of) => pixels!(Bytes, 1, of.into_raw()),
            DynamicImage::ImageLumaA8(of) => pixels!(Bytes, 1, colours(of.into_raw(), 2)),
            DynamicImage::ImageRgb8(of) => pixels!(Bytes, 3, of.into_raw()),
            DynamicImage::ImageRgba8(of) => pixels!(Bytes, 3, colours(of.into_raw(), 4)),
            DynamicImage::ImageLuma16(of) => pixels!(Words, 1, of.into_raw()),
            DynamicImage::ImageLumaA16(of) => pixels!(Words, 1, colours(of.into_raw(), 2)),
            DynamicImage::ImageRgb16(of) => pixels!(Words, 3, of.into_raw()),
            DynamicImage::ImageRgba16(of) => pixels!(Words, 3, colours(of.into_raw(), 4)),
            // Neither format holds floats.
            other => pixels!(Bytes, 3, other.into_rgb8().into_raw()),
        }
    }
}

/// Whether a pixel is not opaque.
fn has_transparency(picture: &DynamicImage) -> bool {
    fn any<S: Sample>(samples: &[S], of: usize) -> bool {
        let alpha = samples.iter().skip(of - 1).step_by(of);
        alpha.into_iter().any(|alpha| alpha.value() != S::MAX)
    }
    match picture {
        DynamicImage::ImageLumaA8(picture) => any(picture.as_raw(), 2),
        DynamicImage::ImageRgba8(picture) => any(picture.as_raw(), 4),
        DynamicImage::ImageLumaA16(picture) => any(picture.as_raw(), 2),
        DynamicImage::ImageRgba16(picture) => any(picture.as_raw(), 4),
        _ => false,
    }
}

fn to_rgb<S: Sample>(picture: Pixels<S>) -> Pixels<S> {
    if picture.channels == 3 {
        return picture;
    }
    Pixels {
        channels: 3,
        samples: picture
            .samples
            .iter()
            .flat_map(|sample| [*sample; 3])
            .collect(),
        ..picture
    }
}

/// Luminance as ITU-R 601 weighs it, in Pillow's fixed point, which gives the sample itself where all three are equal.
fn to_gray<S: Sample>(picture: Pixels<S>) -> Pixels<S> {
    if picture.channels == 1 {
        return picture;
    }
    let luminance = |pixel: &[S]| {
        let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(|sample| u32::from(sample.value()));
        S::of_value(((r * 19_595 + g * 38_470 + b * 7_471 + 0x8000) >> 16) as u16)
    };
    Pixels {
        channels: 1,
        samples: picture.samples.chunks_exact(3).map(luminance).collect(),
        ..picture
    }
}

/// The middle of a picture; where it is smaller than that, black around it.
fn centre_crop<S: Sample>(picture: &Pixels<S>, [height, width]: [usize; 2]) -> Pixels<S> {
    // torchvision rounds the margin to even, and when it has to pad, the smaller half goes first.
    let start = |have: usize, want: usize| -> isize {
        match have.checked_sub(want) {
            Some(rest) => (rest as f64 / 2.0).round_ties_even() as isize,
            None => -(((want - have) / 2) as isize),
        }
    };
    let (top, left) = (start(picture.height, height), start(picture.width, width));
    let n = picture.channels;
    let mut samples = vec![S::default(); height * width * n];
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
fn normalize<S: Sample>(picture: &Pixels<S>, spec: &ImageSpec) -> Array {
    let n = picture.channels;
    let (range, white) = (spec.range, f32::from(S::MAX));
    let mut values = Vec::with_capacity(picture.samples.len());
    for channel in 0..n {
        let source = match spec.order {
            ChannelOrder::Bgr => n - 1 - channel,
            ChannelOrder::Rgb | ChannelOrder::Gray => channel,
        };
        let mean = spec.mean.get(channel).copied().unwrap_or(0.0);
        let std = spec.std.get(channel).copied().unwrap_or(1.0);
        let number = |sample: &S| {
            let sample = f32::from(sample.value());
            let bright = if range == white {
                sample
            } else {
                sample / white * range
            };
            (bright - mean) / std
        };
        let samples = picture.samples.iter().skip(source).step_by(n);
        values.extend(samples.map(number));
    }
    Array {
        shape: vec![n, picture.height, picture.width],
        values,
    }
}
