//! NumPy's `.npy` files. The sole user of the `npyz` crate.

use std::io::{BufWriter, Write};
use std::path::Path;

use npyz::{DType, Endianness, NpyFile, Order, TypeChar, WriterBuilder};

use super::{Array, too_large, unusable};
use crate::diagnostic::Diagnostic;
use crate::files::{self, NewFile};
use crate::limits;

/// Bytes of a header: numpy writes 128, and more than this makes a parser work for nothing.
const HEADER_BYTES: usize = 4096;

/// Reads an array of numbers as f32, in row-major order whatever the file's order.
///
/// Floats of 16, 32 and 64 bits, integers and truths of either byte order are read; wide ones are rounded to f32.
pub fn read_npy(path: &Path) -> Result<Array, Diagnostic> {
    let fail = |error: std::io::Error| unusable(path, files::reason(&error));
    let most = limits::TENSOR_ELEMENTS * 8 + HEADER_BYTES as u64;
    let bytes = files::open(path)
        .and_then(|mut file| files::read_at_most(&mut file, most))
        .map_err(fail)?
        .ok_or_else(|| unusable(path, "it is larger than a tensor may be"))?;
    parse(&bytes).map_err(|reason| unusable(path, reason))
}

/// The same for a file's contents.
pub(super) fn parse(bytes: &[u8]) -> Result<Array, String> {
    let n_header = guard(bytes)?;
    let file = NpyFile::new(bytes).map_err(|error| error.to_string())?;
    let shape: Vec<usize> = file.shape().iter().map(|size| *size as usize).collect();
    let n_elements: usize = shape.iter().product();
    let order = file.order();
    let DType::Plain(element) = file.dtype() else {
        return Err("it holds records, not numbers".into());
    };
    let is_number = matches!(
        element.type_char(),
        TypeChar::Float | TypeChar::Int | TypeChar::Uint | TypeChar::Bool
    );
    if !is_number {
        return Err(format!(
            "its elements are of the type {element}, not floats or integers"
        ));
    }
    let n_wanted = element
        .num_bytes()
        .and_then(|size| size.checked_mul(n_elements));
    let n_data = bytes.len() - n_header;
    if n_wanted.is_none_or(|wanted| wanted > n_data) {
        return Err(format!(
            "it is truncated: {n_data} bytes of data cannot hold an array {shape:?} of {element}"
        ));
    }
    let is_half = element.type_char() == TypeChar::Float && element.size_field() == 2;
    let values = match is_half {
        true => Some(Ok(halves(
            &bytes[n_header..n_header + 2 * n_elements],
            element.endianness(),
        ))),
        false => read_values(file, element.type_char(), element.size_field()),
    };
    let values = values
        .ok_or_else(|| format!("its elements are of the type {element}, not floats or integers"))?
        .map_err(|error| error.to_string())?;
    let values = match order {
        Order::C => values,
        Order::Fortran => to_row_major(&values, &shape),
    };
    Ok(Array { shape, values })
}

/// Floats of 16 bits, which `npyz` leaves alone.
fn halves(bytes: &[u8], order: Endianness) -> Vec<f32> {
    let halves = bytes.as_chunks::<2>().0.iter();
    halves
        .map(|half| match order {
            Endianness::Big => half::f16::from_be_bytes(*half).to_f32(),
            _ => half::f16::from_le_bytes(*half).to_f32(),
        })
        .collect()
}

/// The elements as f32; `None` for a type that is not read.
fn read_values(
    file: NpyFile<&[u8]>,
    kind: TypeChar,
    size: u64,
) -> Option<std::io::Result<Vec<f32>>> {
    macro_rules! read {
        ($type:ty, $convert:expr) => {
            file.data::<$type>()
                .ok()?
                .map(|value| value.map($convert))
                .collect()
        };
    }
    Some(match (kind, size) {
        (TypeChar::Float, 4) => read!(f32, |x| x),
        (TypeChar::Float, 8) => file
            .data::<f64>()
            .ok()?
            .enumerate()
            .map(|(index, value)| narrow(value?, index))
            .collect(),
        (TypeChar::Int, 1) => read!(i8, f32::from),
        (TypeChar::Int, 2) => read!(i16, f32::from),
        (TypeChar::Int, 4) => read!(i32, |x| x as f32),
        (TypeChar::Int, 8) => read!(i64, |x| x as f32),
        (TypeChar::Uint, 1) => read!(u8, f32::from),
        (TypeChar::Uint, 2) => read!(u16, f32::from),
        (TypeChar::Uint, 4) => read!(u32, |x| x as f32),
        (TypeChar::Uint, 8) => read!(u64, |x| x as f32),
        (TypeChar::Bool, 1) => read!(bool, |x| f32::from(u8::from(x))),
        _ => return None,
    })
}

/// Rounds to f32.
fn narrow(value: f64, index: usize) -> std::io::Result<f32> {
    let narrow = value as f32;
    match narrow.is_infinite() && value.is_finite() {
        true => Err(std::io::Error::other(too_large(value, index))),
        false => Ok(narrow),
    }
}

/// Looks at a header before `npyz` does, which recurses on nested brackets and multiplies sizes without looking: only what numpy writes for plain
/// arrays passes. Answers where the data begins.
fn guard(bytes: &[u8]) -> Result<usize, String> {
    let not_npy = || "it is not a .npy file".to_owned();
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or_else(not_npy)?;
    let (start, length) = match rest {
        [1, _, a, b, ..] => (10, usize::from(u16::from_le_bytes([*a, *b]))),
        [_, _, a, b, c, d, ..] => (12, u32::from_le_bytes([*a, *b, *c, *d]) as usize),
        _ => return Err(not_npy()),
    };
    if length > HEADER_BYTES {
        return Err(format!(
            "its header claims {length} bytes, more than the limit of {HEADER_BYTES}"
        ));
    }
    let header = bytes
        .get(start..start + length)
        .and_then(|header| std::str::from_utf8(header).ok())
        .ok_or("its header is broken")?;
    if header.matches(['(', '[', '{']).count() > 2 {
        return Err("it does not hold a plain array of numbers".into());
    }
    let after_digit = header.as_bytes().windows(2).any(|pair| {
        pair[0].is_ascii_digit()
            && (pair[1].is_ascii_alphabetic() || pair[1] == b'_' || pair[1] == b'.')
    });
    if after_digit {
        return Err("its header is broken".into());
    }
    // All numbers of the header together bound the product of the sizes among them.
    let product = header
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .try_fold(1u64, |product, digits| {
            digits
                .parse::<u64>()
                .ok()
                .and_then(|number| product.checked_mul(number.max(1)))
        });
    match product {
        Some(product) if product <= limits::TENSOR_ELEMENTS * 16 => Ok(start + length),
        _ => Err("its array is larger than a tensor may be".into()),
    }
}

/// From the first index running fastest to the last.
fn to_row_major(values: &[f32], shape: &[usize]) -> Vec<f32> {
    let mut strides = vec![1usize; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let mut index = vec![0usize; shape.len()];
    let mut at = 0;
    let mut result = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        result.push(values[at]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    result
}

/// Writes an array of f32 in row-major order.
pub fn write_npy(path: &Path, shape: &[usize], values: &[f32]) -> Result<(), Diagnostic> {
    let shape: Vec<u64> = shape.iter().map(|size| *size as u64).collect();
    let write = || -> std::io::Result<()> {
        let mut file = NewFile::create(path)?;
        let mut buffer = BufWriter::with_capacity(1 << 20, file.file());
        let mut writer = npyz::WriteOptions::new()
            .default_dtype()
            .shape(&shape)
            .writer(&mut buffer)
            .begin_nd()?;
        writer.extend(values.iter().copied())?;
        writer.finish()?;
        buffer.flush()?;
        drop(buffer);
        file.finish()
    };
    write().map_err(|error| files::cannot_write(path, &error))
}
