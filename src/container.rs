//! What a file is, told from its first bytes.
//!
//! A file that was given in the wrong place is named for what it is, so that its owner learns what to give instead. Names of
//! files are not looked at: a picture that is called `.npy` is a picture.

/// Bytes from a file's start that [`recognise`] looks at.
pub const PREFIX: usize = 512;

/// A format that people give by mistake, or in the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // `name` says it
pub enum Kind {
    Npy,
    Npz,
    Safetensors,
    TorchArchive,
    TorchLegacy,
    Pickle,
    Hdf5,
    Onnx,
    TfLite,
    Gguf,
    Matlab,
    PackedWeights,
    Png,
    Jpeg,
    Gif,
    Bmp,
    Tiff,
    WebP,
    Avif,
    LfsPointer,
    Zip,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
    Tar,
    Json,
    Html,
    Pdf,
    Elf,
}

impl Kind {
    /// What it is, as in "it is NAME".
    pub fn name(self) -> &'static str {
        match self {
            Kind::Npy => "a NumPy array (.npy)",
            Kind::Npz => "an archive of NumPy arrays (.npz)",
            Kind::Safetensors => "a safetensors file",
            Kind::TorchArchive => "a PyTorch checkpoint (.pt, .pth)",
            Kind::TorchLegacy => "a PyTorch checkpoint of the format before version 1.6",
            Kind::Pickle => "a Python pickle",
            Kind::Hdf5 => "an HDF5 file (.h5, .hdf5)",
            Kind::Onnx => "an ONNX model",
            Kind::TfLite => "a TensorFlow Lite model",
            Kind::Gguf => "a GGUF model",
            Kind::Matlab => "a MATLAB file (.mat)",
            Kind::PackedWeights => "a file of weights that `netc build` packed",
            Kind::Png => "a PNG picture",
            Kind::Jpeg => "a JPEG picture",
            Kind::Gif => "a GIF picture",
            Kind::Bmp => "a BMP picture",
            Kind::Tiff => "a TIFF picture",
            Kind::WebP => "a WebP picture",
            Kind::Avif => "an AVIF or HEIF picture",
            Kind::LfsPointer => {
                "a Git LFS pointer, which stands for a file that was not downloaded"
            }
            Kind::Zip => "a zip archive",
            Kind::Gzip => "a gzip-compressed file",
            Kind::Zstd => "a Zstandard-compressed file",
            Kind::Xz => "an xz-compressed file",
            Kind::Bzip2 => "a bzip2-compressed file",
            Kind::Tar => "a tar archive",
            Kind::Json => "JSON text",
            Kind::Html => "a web page",
            Kind::Pdf => "a PDF document",
            Kind::Elf => "a program, object or library (ELF)",
        }
    }

    /// How to get at what is inside, where that does not depend on what it was wanted for.
    pub fn unpacking(self) -> Option<&'static str> {
        Some(match self {
            Kind::LfsPointer => "fetch the file itself: `git lfs pull`",
            Kind::Zip | Kind::Tar => "unpack it first, and give a file of it",
            Kind::Gzip | Kind::Zstd | Kind::Xz | Kind::Bzip2 => "decompress it first",
            Kind::Html => {
                "the download gave a page about the file, or an error, in place of the file"
            }
            _ => return None,
        })
    }
}

/// Formats with a fixed text at the start.
const MAGIC: &[(&[u8], Kind)] = &[
    (b"\x93NUMPY", Kind::Npy),
    (b"\x89HDF\r\n\x1a\n", Kind::Hdf5),
    (b"\x89PNG\r\n\x1a\n", Kind::Png),
    (b"\xff\xd8\xff", Kind::Jpeg),
    (b"GIF87a", Kind::Gif),
    (b"GIF89a", Kind::Gif),
    (b"II*\0", Kind::Tiff),
    (b"MM\0*", Kind::Tiff),
    (b"GGUF", Kind::Gguf),
    (b"MATLAB 5.0 MAT-file", Kind::Matlab),
    (b"netcwts\0", Kind::PackedWeights),
    (
        b"version https://git-lfs.github.com/spec/",
        Kind::LfsPointer,
    ),
    (b"\x1f\x8b", Kind::Gzip),
    (b"\x28\xb5\x2f\xfd", Kind::Zstd),
    (b"\xfd7zXZ\0", Kind::Xz),
    (b"BZh", Kind::Bzip2),
    (b"%PDF-", Kind::Pdf),
    (b"\x7fELF", Kind::Elf),
];

/// The number that PyTorch's old format begins with, as a pickle of protocol 2.
const TORCH_LEGACY: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/// What a file is whose first bytes are `bytes`; `None` where they tell nothing. [`PREFIX`] bytes are enough.
pub fn recognise(bytes: &[u8]) -> Option<Kind> {
    let fixed = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic));
    if let Some((_, kind)) = fixed {
        return Some(*kind);
    }
    let at = |place: usize, text: &[u8]| bytes.get(place..).is_some_and(|it| it.starts_with(text));
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return Some(zip(bytes));
    }
    if bytes.starts_with(TORCH_LEGACY) {
        return Some(Kind::TorchLegacy);
    }
    if matches!(
        bytes,
        [0x80, 2..=5, b'(' | b'}' | b']' | b'c' | 0x8a | 0x95, ..]
    ) {
        return Some(Kind::Pickle);
    }
    // A format whose length comes first: JSON stands behind it.
    if let Some((length, b"{")) = bytes.get(..9).map(|start| start.split_at(8))
        && matches!(length, [_, _, _, _, 0, 0, 0, 0])
    {
        return Some(Kind::Safetensors);
    }
    if at(4, b"TFL3") {
        return Some(Kind::TfLite);
    }
    if at(0, b"RIFF") && at(8, b"WEBP") {
        return Some(Kind::WebP);
    }
    if ["ftypavif", "ftypheic", "ftypmif1"]
        .iter()
        .any(|brand| at(4, brand.as_bytes()))
    {
        return Some(Kind::Avif);
    }
    if at(257, b"ustar") {
        return Some(Kind::Tar);
    }
    if is_onnx(bytes) {
        return Some(Kind::Onnx);
    }
    // The header of a bitmap ends in four bytes that are zero.
    if at(0, b"BM") && at(6, &[0; 4]) {
        return Some(Kind::Bmp);
    }
    let text = bytes.trim_ascii_start();
    let tag = |tag: &[u8]| {
        text.get(..tag.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(tag))
    };
    if tag(b"<!doctype html") || tag(b"<html") {
        return Some(Kind::Html);
    }
    let rest = text.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    rest.is_some_and(|rest| rest.starts_with(b"\""))
        .then_some(Kind::Json)
}

/// What a zip archive is for, by the name of its first member.
fn zip(bytes: &[u8]) -> Kind {
    let length = match bytes.get(26..28) {
        Some([low, high]) => usize::from(u16::from_le_bytes([*low, *high])),
        _ => return Kind::Zip,
    };
    let rest = bytes.get(30..).unwrap_or_default();
    let name = rest.get(..length.min(rest.len())).unwrap_or_default();
    let ends = |with: &[u8]| name.ends_with(with);
    if ends(b".npy") {
        Kind::Npz
    } else if [
        b"/data.pkl".as_slice(),
        b"/.format_version",
        b"/byteorder",
        b"/version",
    ]
    .into_iter()
    .any(ends)
    {
        Kind::TorchArchive
    } else {
        Kind::Zip
    }
}

/// A model of ONNX has no mark. It begins with field 1, its version as a small number, and a field of bytes: the producer's name (2), a graph (7) or sets of
/// operators (8).
fn is_onnx(bytes: &[u8]) -> bool {
    match bytes {
        [0x08, 1..=20, 0x12, length, rest @ ..] => {
            let name = rest.get(..usize::from(*length));
            name.is_some_and(|name| name.iter().all(|byte| matches!(byte, b' '..=b'~')))
        }
        [0x08, 3..=20, 0x3a | 0x42, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str) -> Vec<u8> {
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.resize(26, 0);
        bytes.extend((name.len() as u16).to_le_bytes());
        bytes.extend([0, 0]);
        bytes.extend(name.as_bytes());
        bytes
    }

    #[test]
    fn archives_are_known_by_their_first_member() {
        assert_eq!(recognise(&member("conv1.weight.npy")), Some(Kind::Npz));
        assert_eq!(
            recognise(&member("model/data.pkl")),
            Some(Kind::TorchArchive)
        );
        assert_eq!(recognise(&member("readme.txt")), Some(Kind::Zip));
        assert_eq!(recognise(b"PK\x05\x06"), Some(Kind::Zip));
        assert_eq!(recognise(b"PK\x03\x04"), Some(Kind::Zip));
    }

    #[test]
    fn formats_are_known_by_what_they_begin_with() {
        let cases: &[(&[u8], Kind)] = &[
            (b"\x93NUMPY\x01\0", Kind::Npy),
            (b"\x10\0\0\0\0\0\0\0{\"a\": 1}", Kind::Safetensors),
            (
                b"version https://git-lfs.github.com/spec/v1\noid",
                Kind::LfsPointer,
            ),
            (b"\x08\x07\x12\x07pytorch\x1a\x032.1", Kind::Onnx),
            (b"\x80\x04\x95\x10\0\0", Kind::Pickle),
            (TORCH_LEGACY, Kind::TorchLegacy),
            (b"\x1c\0\0\0TFL3", Kind::TfLite),
            (b"{\n  \"metadata\": {}", Kind::Json),
            (b"<!DOCTYPE html>", Kind::Html),
            (b"\xff\xd8\xff\xe0", Kind::Jpeg),
        ];
        for (bytes, kind) in cases {
            assert_eq!(recognise(bytes), Some(*kind), "{kind:?}");
        }
    }

    #[test]
    fn other_bytes_are_nothing() {
        for bytes in [
            b"".as_slice(),
            b"x",
            b"net A { input x: [4] }",
            &[0; 512],
            b"{}",
            b"\x80",
        ] {
            assert_eq!(recognise(bytes), None, "{bytes:?}");
        }
    }
}
