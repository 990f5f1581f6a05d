//! Files in the safetensors format: 8 bytes of header length, a JSON header, then the tensors' bytes. The sole user of the
//! `safetensors` crate; `memmap2` serves `runtime::AlignedBuffer` too.
//!
//! A file is mapped, not read, and nothing that it claims is believed before it is checked: the length of the header, then
//! that every tensor lies inside the file and has the size that its shape and type ask for, and that each byte is of one tensor.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo as Entry};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::shards;
use crate::container::{self, Kind};
use crate::diagnostic::{Diagnostic, codes};
use crate::files::{self, NewFile};
use crate::limits;

/// Bytes of the length before the header.
const LENGTH_BYTES: u64 = 8;

/// How a file stores its numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ElementType(Dtype);

impl ElementType {
    /// Whether it can be read as f32.
    pub fn is_float(self) -> bool {
        matches!(self.0, Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64)
    }

    /// Whether it holds more than an f32 does, so that reading rounds.
    pub fn is_wider_than_f32(self) -> bool {
        self.0 == Dtype::F64
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{:?}", self.0).to_lowercase();
        f.write_str(&name)
    }
}

impl fmt::Debug for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One tensor of a file: what it is, not yet its values.
#[derive(Clone, Debug)]
pub struct StoredTensor {
    /// How its numbers are stored.
    pub element_type: ElementType,
    /// Sizes, row-major.
    pub shape: Vec<usize>,
    /// Which of the files it is in.
    shard: usize,
    /// Its bytes there.
    bytes: Range<usize>,
}

impl StoredTensor {
    /// Number of values.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes in the file.
    pub fn n_bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// Where the bytes are.
enum Bytes {
    /// In a file, which is mapped.
    Mapped(Mmap, File),
    Owned(Vec<u8>),
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map, _) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }

    /// The bytes `range`, read into a buffer where that can be done: what is read through a map is in this process's memory until it ends.
    fn read<'b>(&'b self, range: Range<usize>, buffer: &'b mut Vec<u8>) -> Option<&'b [u8]> {
        #[cfg(unix)]
        if let Bytes::Mapped(_, file) = self {
            use std::os::unix::fs::FileExt;
            buffer.resize(range.len(), 0);
            file.read_exact_at(buffer, range.start as u64).ok()?;
            return Some(buffer);
        }
        #[cfg(not(unix))]
        let _ = buffer;
        self.as_slice().get(range)
    }
}

/// An open file whose header was checked, or the files that an index names.
pub struct WeightsFile {
    path: PathBuf,
    shards: Vec<Bytes>,
    tensors: BTreeMap<String, StoredTensor>,
}

impl fmt::Debug for WeightsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeightsFile")
            .field("path", &self.path)
            .field("tensors", &self.tensors)
            .finish_non_exhaustive()
    }
}

/// Bytes of a tensor that are read at once: whole elements of every type.
const PIECE: usize = 1 << 20;

impl WeightsFile {
    /// Opens and checks a file, or all files that an index of shards names. Tensors are read later, one at a time.
    pub fn open(path: &Path) -> Result<WeightsFile, Diagnostic> {
        if path.to_string_lossy().ends_with(shards::SUFFIX) {
            return WeightsFile::open_shards(path);
        }
        WeightsFile::check(path, map(path)?)
    }

    /// The same for a file's contents in memory; `path` is for messages.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<WeightsFile, Diagnostic> {
        WeightsFile::check(path, Bytes::Owned(bytes))
    }

    fn check(path: &Path, bytes: Bytes) -> Result<WeightsFile, Diagnostic> {
        let tensors = read_header(bytes.as_slice()).map_err(|reason| {
            let start = &bytes.as_slice()[..bytes.as_slice().len().min(container::PREFIX)];
            match container::recognise(start).filter(|kind| *kind != Kind::Safetensors) {
                Some(kind) => mistaken(path, kind),
                None => unusable(path, reason),
            }
        })?;
        Ok(WeightsFile {
            path: path.to_owned(),
            shards: vec![bytes],
            tensors,
        })
    }

    /// The tensors of all files of an index, which must be those that it names: others are of another checkpoint.
    fn open_shards(path: &Path) -> Result<WeightsFile, Diagnostic> {
        let fail = |reason: String| unusable(path, reason);
        let index = shards::Index::read(path).map_err(fail)?;
        let mut all = WeightsFile {
            path: path.to_owned(),
            shards: Vec::new(),
            tensors: BTreeMap::new(),
        };
        for (name, mut names) in index.files {
            let file = path.with_file_name(&name);
            let shard = WeightsFile::check(&file, map(&file)?)?;
            for (tensor, mut stored) in shard.tensors {
                if !names.remove(&tensor) {
                    let place = match all.tensors.contains_key(&tensor) {
                        true => "another file as well",
                        false => "a tensor that the index does not name for it",
                    };
                    return Err(fail(format!("`{name}` has `{tensor}`, which is {place}")));
                }
                stored.shard = all.shards.len();
                all.tensors.insert(tensor, stored);
            }
            if let Some(lacking) = names.first() {
                return Err(fail(format!("`{name}` has no tensor `{lacking}`")));
            }
            all.shards.extend(shard.shards);
        }
        let n_bytes: usize = all.tensors.values().map(StoredTensor::n_bytes).sum();
        match index.total_size {
            Some(stated) if stated != n_bytes as u64 => Err(fail(format!(
                "its tensors take {n_bytes} bytes, {stated} are stated"
            ))),
            _ => Ok(all),
        }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the whole file, or of all of them.
    pub fn n_bytes(&self) -> usize {
        self.shards.iter().map(|bytes| bytes.as_slice().len()).sum()
    }

    /// All tensors, in the order of their names.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = (&str, &StoredTensor)> {
        self.tensors
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// One tensor.
    pub fn get(&self, name: &str) -> Option<&StoredTensor> {
        self.tensors.get(name)
    }

    /// The values of a tensor of floats; an f64 is rounded to the nearest f32. `None` if there is no such tensor, or if it
    /// does not hold floats.
    pub fn read_f32(&self, name: &str) -> Option<Vec<f32>> {
        self.read_f32_part(name, 0..self.get(name)?.elements())
    }

    /// The values `part` of a tensor of floats, as [`WeightsFile::read_f32`]; `None` too if the tensor has no such part.
    ///
    /// It is read piece by piece: no tensor is in memory twice.
    pub fn read_f32_part(&self, name: &str, part: Range<usize>) -> Option<Vec<f32>> {
        let tensor = self.get(name).filter(|t| t.element_type.is_float())?;
        let element = tensor.element_type.0.bitsize() / 8;
        let (start, end) = (
            part.start.checked_mul(element)?,
            part.end.checked_mul(element)?,
        );
        if start > end || end > tensor.n_bytes() {
            return None;
        }
        let mut values = Vec::with_capacity(part.len());
        let mut buffer = Vec::new();
        let (mut at, end) = (tensor.bytes.start + start, tensor.bytes.start + end);
        while at < end {
            let next = (at + PIECE).min(end);
            let piece = self.shards[tensor.shard].read(at..next, &mut buffer)?;
            match tensor.element_type.0 {
                Dtype::F32 => values.extend(convert(piece, f32::from_le_bytes)),
                Dtype::F16 => {
                    values.extend(convert(piece, |b| half::f16::from_le_bytes(b).to_f32()));
                }
                Dtype::BF16 => {
                    values.extend(convert(piece, |b| half::bf16::from_le_bytes(b).to_f32()));
                }
                Dtype::F64 => values.extend(convert(piece, |b| f64::from_le_bytes(b) as f32)),
                _ => return None,
            }
            at = next;
        }
        Some(values)
    }

    fn bytes_of(&self, tensor: &StoredTensor) -> Option<&[u8]> {
        let bytes = self.shards.get(tensor.shard)?.as_slice();
        bytes.get(tensor.bytes.clone())
    }

    /// The first value of a tensor that is finite as it is stored and infinite as an f32, and its index.
    pub fn overflow(&self, name: &str) -> Option<(usize, f64)> {
        let tensor = self
            .get(name)
            .filter(|t| t.element_type.is_wider_than_f32())?;
        convert(self.bytes_of(tensor)?, f64::from_le_bytes)
            .enumerate()
            .find(|(_, value)| value.is_finite() && (*value as f32).is_infinite())
    }

    /// The values of a tensor of integers. `None` if there is no such tensor, or if it does not hold integers.
    pub fn read_integers(&self, name: &str) -> Option<Vec<i64>> {
        let tensor = self.get(name)?;
        let bytes = self.bytes_of(tensor)?;
        let values = match tensor.element_type.0 {
            Dtype::I64 => convert(bytes, i64::from_le_bytes).collect(),
            Dtype::I32 => convert(bytes, |b| i64::from(i32::from_le_bytes(b))).collect(),
            Dtype::I16 => convert(bytes, |b| i64::from(i16::from_le_bytes(b))).collect(),
            Dtype::I8 => convert(bytes, |b: [u8; 1]| i64::from(i8::from_le_bytes(b))).collect(),
            Dtype::U8 => convert(bytes, |b: [u8; 1]| i64::from(b[0])).collect(),
            _ => return None,
        };
        Some(values)
    }
}

fn map(path: &Path) -> Result<Bytes, Diagnostic> {
    let fail = |reason: std::io::Error| {
        unusable(
            path,
            format!("it cannot be opened: {}", files::reason(&reason)),
        )
    };
    let file = files::open(path).map_err(fail)?;
    let metadata = file.metadata().map_err(fail)?;
    if metadata.len() < LENGTH_BYTES {
        // An empty file cannot be mapped.
        return Err(unusable(path, too_short(metadata.len())));
    }
    // SAFETY: the map is read-only and private. Should another process truncate the file while it is mapped, reading
    // may stop this process with a signal, as with every program that maps its weights; no memory of ours changes.
    let map = unsafe { Mmap::map(&file) }.map_err(fail)?;
    Ok(Bytes::Mapped(map, file))
}

/// Whole elements of `N` bytes, each converted.
fn convert<const N: usize, T>(
    bytes: &[u8],
    element: impl Fn([u8; N]) -> T,
) -> impl ExactSizeIterator<Item = T> {
    bytes.as_chunks::<N>().0.iter().map(move |b| element(*b))
}

/// E0801 about a file.
fn unusable(path: &Path, reason: impl fmt::Display) -> Diagnostic {
    Diagnostic::without_place(
        codes::WEIGHTS_FILE,
        format!("cannot use the weights file `{}`: {reason}", path.display()),
    )
}

/// A file of another format, and how its owner gets one that can be used.
fn mistaken(path: &Path, kind: Kind) -> Diagnostic {
    let diagnostic = unusable(
        path,
        format!("it is {}, not a safetensors file", kind.name()),
    );
    let help = match kind {
        Kind::TorchArchive | Kind::TorchLegacy | Kind::Pickle => {
            "save the state dict from Python: `safetensors.torch.save_file(torch.load(file, map_location=\"cpu\"), \"weights.safetensors\")`"
        }
        Kind::Npz => {
            "save its arrays from Python: `safetensors.numpy.save_file(dict(numpy.load(file)), \"weights.safetensors\")`"
        }
        Kind::PackedWeights => "give the file that it was packed from",
        Kind::Json => "an index of shards is called `NAME.safetensors.index.json`",
        _ => kind.unpacking().unwrap_or(
            "netc reads safetensors files: save the arrays as one, `safetensors.numpy.save_file` in Python",
        ),
    };
    diagnostic.with_help(help)
}

fn too_short(n_bytes: u64) -> String {
    format!("it has {n_bytes} bytes, too few for a safetensors file")
}

/// Checks everything that a header claims; answers where each tensor lies in the file.
fn read_header(bytes: &[u8]) -> Result<BTreeMap<String, StoredTensor>, String> {
    let Some((length, rest)) = bytes.split_first_chunk::<{ LENGTH_BYTES as usize }>() else {
        return Err(too_short(bytes.len() as u64));
    };
    let length = u64::from_le_bytes(*length);
    if rest.first() != Some(&b'{') {
        return Err(
            "it is not a safetensors file: no JSON header follows the first 8 bytes".into(),
        );
    }
    if length > limits::WEIGHTS_HEADER_BYTES {
        return Err(format!(
            "its header claims {length} bytes, more than the limit of {}",
            limits::WEIGHTS_HEADER_BYTES
        ));
    }
    let Some((header, data)) = rest.split_at_checked(length as usize) else {
        return Err(format!(
            "it is truncated: its header claims {length} bytes, {} are there",
            rest.len()
        ));
    };
    let header: Header =
        serde_json::from_slice(header).map_err(|error| format!("its header is broken: {error}"))?;

    let start_of_data = bytes.len() - data.len();
    let mut tensors = BTreeMap::new();
    let mut entries = header.0;
    for (name, entry) in &entries {
        let (start, end) = check_entry(name, entry, data.len())?;
        let tensor = StoredTensor {
            element_type: ElementType(entry.dtype),
            shape: entry.shape.clone(),
            shard: 0,
            bytes: start_of_data + start..start_of_data + end,
        };
        if tensors.insert(name.clone(), tensor).is_some() {
            return Err(format!("its header has the tensor `{name}` twice"));
        }
    }
    // The format wants each byte of the data to be of one tensor: bytes of none mean that places are wrong.
    entries.sort_by_key(|(_, entry)| entry.data_offsets);
    let (mut end, mut last) = (0, None);
    for (name, entry) in &entries {
        let start = entry.data_offsets.0;
        match last {
            Some(last) if start < end => {
                return Err(format!("the tensors `{last}` and `{name}` overlap"));
            }
            _ if start > end => {
                return Err(format!(
                    "the bytes {end} to {start} of the data, before the tensor `{name}`, are of no tensor"
                ));
            }
            _ => {}
        }
        (end, last) = (entry.data_offsets.1, Some(name));
    }
    match data.len() - end {
        0 => Ok(tensors),
        n => Err(format!("the last {n} bytes are of no tensor")),
    }
}

/// Checks one tensor against the number of bytes after the header; answers its first byte there and one past its last.
fn check_entry(name: &str, entry: &Entry, n_data: usize) -> Result<(usize, usize), String> {
    let (start, end) = entry.data_offsets;
    if start > end {
        return Err(format!("the tensor `{name}` ends before it begins"));
    }
    if end > n_data {
        return Err(format!(
            "it is truncated: the tensor `{name}` ends at byte {end} of the data, {n_data} are there"
        ));
    }
    let n_bits = entry
        .shape
        .iter()
        .try_fold(1usize, |product, size| product.checked_mul(*size))
        .and_then(|elements| elements.checked_mul(entry.dtype.bitsize()));
    match n_bits {
        Some(n_bits) if n_bits.div_ceil(8) == end - start => Ok((start, end)),
        Some(n_bits) => Err(format!(
            "the tensor `{name}` has {} bytes where {} of shape {:?} takes {}",
            end - start,
            ElementType(entry.dtype),
            entry.shape,
            n_bits.div_ceil(8),
        )),
        None => Err(format!(
            "the shape {:?} of the tensor `{name}` is too large",
            entry.shape
        )),
    }
}

/// The header's tensors in the order of the file. A map would keep the last of two tensors with one name, silently.
struct Header(Vec<(String, Entry)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Header, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from names to tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut entries = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        entries.push((name, map.next_value()?));
                    }
                }
                Ok(Header(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// A tensor to write: a name, a shape, and its values in row-major order.
pub struct NamedTensor<'a> {
    /// Its name in the file.
    pub name: String,
    /// Sizes.
    pub shape: Vec<usize>,
    /// Values.
    pub values: &'a [f32],
}

/// Writes tensors of f32 as a safetensors file, in the order given. The file is replaced as a whole.
pub fn write_safetensors(path: &Path, tensors: &[NamedTensor<'_>]) -> Result<(), Diagnostic> {
    write_to(path, tensors).map_err(|error| files::cannot_write(path, &error))
}

fn write_to(path: &Path, tensors: &[NamedTensor<'_>]) -> io::Result<()> {
    let mut end = 0;
    let entries = tensors.iter().map(|tensor| {
        let start = end;
        end += size_of_val(tensor.values);
        let entry = Entry {
            dtype: Dtype::F32,
            shape: tensor.shape.clone(),
            data_offsets: (start, end),
        };
        (tensor.name.clone(), entry)
    });
    let metadata = Metadata::new(None, entries.collect()).map_err(io::Error::other)?;
    let mut header = serde_json::to_vec(&metadata)?;
    // The format asks for data that begins at a multiple of 8 bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut file = NewFile::create(path)?;
    let mut writer = BufWriter::with_capacity(1 << 20, file.file());
    writer.write_all(&(header.len() as u64).to_le_bytes())?;
    writer.write_all(&header)?;
    for value in tensors.iter().flat_map(|tensor| tensor.values) {
        writer.write_all(&value.to_le_bytes())?;
    }
    writer.flush()?;
    drop(writer);
    file.finish()
}
