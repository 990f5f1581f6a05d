//! The YAML manifest that lies beside a weights file: what the weights are for, and what the net's numbers mean. The sole user of
//! `serde_yaml`.
//!
//! ```yaml
//! net: digits.net:Digits            # paths are relative to the manifest
//! weights: digits.safetensors
//! image: {resize: [8, 8], order: gray, mean: [0.305], std: [0.376]}
//! labels: [zero, one, two, three, four, five, six, seven, eight, nine]   # or a file with one a line
//! names:                            # how the checkpoint's names become the net's; the first that matches wins
//!   - {from: "module.*", to: "*"}
//! ignore: ["aux1.*"]                # tensors to leave aside
//! heldout: {images: heldout.safetensors, accuracy: 0.99}   # what `netc eval` runs
//! ```
//!
//! Every key may be left out. What of YAML a manifest may hold is in [`yaml`].

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use super::names::{NameMap, Rename};
use super::{labels, yaml};
use crate::check::image_doubt;
use crate::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::files;
use crate::graph::{ChannelOrder, ImageResize, ImageSpec};
use crate::limits;
use crate::source::{FileId, SourceMap, Span};

/// What a manifest says. Paths are joined to its directory already.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifest {
    /// File of the net, and the net's name if it is stated (`file.net:Net`).
    pub net: Option<(PathBuf, Option<String>)>,
    /// The weights.
    pub weights: Option<PathBuf>,
    /// How a picture becomes the net's input; wins over what the net says.
    pub image: Option<ImageSpec>,
    /// Names of the classes.
    pub labels: Vec<String>,
    /// The file that these were read from, if they are in one of their own.
    pub labels_file: Option<PathBuf>,
    /// Where the manifest states them.
    pub labels_at: Option<Span>,
    /// How the checkpoint's names become the net's.
    pub names: NameMap,
    /// The held-out set that `netc eval` runs.
    pub heldout: Option<HeldOut>,
    /// What is doubtful.
    pub warnings: Vec<Diagnostic>,
}

/// A held-out set.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldOut {
    /// A safetensors file with `images` (floats `[N, C, H, W]`, preprocessed) and `labels` (integers `[N]`).
    pub images: PathBuf,
    /// The accuracy that the weights' author measured, from 0 to 1.
    pub accuracy: Option<f64>,
}

impl Manifest {
    /// Reads a manifest and the file of labels that it may name. The text joins `sources`, for the spans of diagnostics.
    pub fn load(path: &Path, sources: &mut SourceMap) -> Result<Manifest, Diagnostic> {
        let text = read_small_text(path)?;
        // A byte order mark would be a part of the first word.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let file = sources.add(path, text.to_owned());
        let directory = path.parent().unwrap_or(Path::new(""));
        let text = Text::new(&sources.file(file).text, file)?;
        parse(&text)?.resolve(directory, &text)
    }
}

/// The text of a manifest, and where its scalars are.
struct Text<'t> {
    text: &'t str,
    file: FileId,
    scalars: Vec<(String, Range<usize>)>,
}

impl<'t> Text<'t> {
    fn new(text: &'t str, file: FileId) -> Result<Text<'t>, Diagnostic> {
        let scalars = yaml::scan(text).map_err(|refusal| {
            let span = Span::new(file, refusal.place.start, refusal.place.end);
            let diagnostic = Diagnostic::new(codes::MANIFEST, refusal.message, span, "");
            match refusal.help {
                Some(help) => diagnostic.with_help(help),
                None => diagnostic,
            }
        })?;
        Ok(Text {
            text,
            file,
            scalars,
        })
    }

    /// The first scalar that is this word; the beginning of the text if none is.
    fn place(&self, word: &str) -> Span {
        let found = self.scalars.iter().find(|(value, _)| value == word);
        let place = found.map_or(0..0, |(_, place)| place.clone());
        Span::new(self.file, place.start, place.end)
    }

    /// E0807 at a word.
    fn fault(&self, word: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(codes::MANIFEST, message, self.place(word), "")
    }
}

/// The text of a file of at most [`limits::MANIFEST_BYTES`].
fn read_small_text(path: &Path) -> Result<String, Diagnostic> {
    let fail = |reason: String| {
        Diagnostic::without_place(
            codes::MANIFEST,
            format!("cannot read `{}`: {reason}", path.display()),
        )
    };
    let bytes = files::open(path)
        .and_then(|mut file| files::read_at_most(&mut file, limits::MANIFEST_BYTES))
        .map_err(|error| fail(files::reason(&error)))?
        .ok_or_else(|| {
            let most = limits::MANIFEST_BYTES;
            fail(format!("it is larger than the limit of {most} bytes"))
        })?;
    String::from_utf8(bytes).map_err(|_| fail("it is not UTF-8 text".into()))
}

fn parse(of: &Text<'_>) -> Result<RawManifest, Diagnostic> {
    let (text, file) = (of.text, of.file);
    if text.trim().is_empty() {
        return Ok(RawManifest::default());
    }
    serde_yaml::from_str(text).map_err(|error| {
        let (line, column) = error
            .location()
            .map_or((1, 1), |place| (place.line(), place.column()));
        let message = error.to_string();
        // The place is shown with the source; "at line 3 column 4" would repeat it.
        let message = message
            .split_once(" at line ")
            .map_or(message.as_str(), |(before, _)| before);
        let at = byte_of(text, line, column);
        let span = Span::new(file, at, end_of_line(text, at));
        let diagnostic = Diagnostic::new(codes::MANIFEST, message.replace('\n', " "), span, "");
        match meant(message) {
            Some(help) => diagnostic.with_help(help),
            None => diagnostic,
        }
    })
}

/// Where a line and a column (both from 1, counting characters) begin.
fn byte_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let rest = &text[start..];
    let in_line = rest
        .char_indices()
        .nth(column.saturating_sub(1))
        .map_or(rest.len(), |(byte, _)| byte);
    start + in_line
}

/// The end of what stands at a byte: the rest of its word, or the byte's own character.
fn end_of_line(text: &str, at: usize) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let length: usize = text[at..]
        .chars()
        .take_while(|c| is_word(*c))
        .map(char::len_utf8)
        .sum();
    let one = text[at..].chars().next().map_or(0, char::len_utf8);
    at + length.max(one)
}

/// "did you mean" for serde's "unknown field `x`, expected one of `a`, `b`": the words between backticks are the candidates.
fn meant(message: &str) -> Option<String> {
    let (_, rest) = message
        .split_once("unknown field `")
        .or_else(|| message.split_once("unknown variant `"))?;
    let (word, rest) = rest.split_once('`')?;
    let candidates = rest.split('`').skip(1).step_by(2);
    did_you_mean(word, candidates).map(|meant| format!("did you mean `{meant}`?"))
}

/// The manifest as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawManifest {
    net: Option<String>,
    weights: Option<PathBuf>,
    image: Option<RawImage>,
    labels: Option<Labels>,
    names: Vec<RawRename>,
    ignore: Vec<String>,
    heldout: Option<RawHeldOut>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawImage {
    resize: Option<SizeOrSide>,
    crop: Option<SizeOrSide>,
    #[serde(default)]
    order: RawOrder,
    range: Option<f32>,
    #[serde(default)]
    mean: Vec<f32>,
    #[serde(default)]
    std: Vec<f32>,
}

#[derive(Debug, Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum RawOrder {
    #[default]
    Rgb,
    Bgr,
    Gray,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRename {
    from: String,
    to: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHeldOut {
    images: PathBuf,
    accuracy: Option<f64>,
}

/// `256` or `[256, 256]`.
#[derive(Debug, Clone, Copy)]
enum SizeOrSide {
    Side(usize),
    Size([usize; 2]),
}

impl<'de> Deserialize<'de> for SizeOrSide {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SizeOrSide, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = SizeOrSide;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of pixels or [height, width]")
            }

            fn visit_u64<E: de::Error>(self, side: u64) -> Result<SizeOrSide, E> {
                match usize::try_from(side) {
                    Ok(side) if (1..=MOST_PIXELS).contains(&side) => Ok(SizeOrSide::Side(side)),
                    _ => Err(E::custom(format!(
                        "a side must have 1 to {MOST_PIXELS} pixels, not {side}"
                    ))),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sizes: A) -> Result<SizeOrSide, A::Error> {
                let mut pair = [0usize; 2];
                for (index, size) in pair.iter_mut().enumerate() {
                    *size = sizes
                        .next_element()?
                        .ok_or_else(|| de::Error::invalid_length(index, &self))?;
                    if !(1..=MOST_PIXELS).contains(size) {
                        return Err(de::Error::custom(format!(
                            "a side must have 1 to {MOST_PIXELS} pixels, not {size}"
                        )));
                    }
                }
                match sizes.next_element::<de::IgnoredAny>()? {
                    Some(_) => Err(de::Error::invalid_length(3, &self)),
                    None => Ok(SizeOrSide::Size(pair)),
                }
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// The longest side of a resized picture: no network is trained on larger ones.
const MOST_PIXELS: usize = 1 << 14;

/// A list of names, or the file that has one a line.
#[derive(Debug)]
enum Labels {
    List(Vec<String>),
    File(PathBuf),
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Labels, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Labels;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of names or a file name")
            }

            fn visit_str<E: de::Error>(self, path: &str) -> Result<Labels, E> {
                Ok(Labels::File(path.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Labels, A::Error> {
                let mut labels = Vec::new();
                while let Some(Word(name)) = names.next_element()? {
                    labels.push(name);
                }
                Ok(Labels::List(labels))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A scalar as the text that it is written with: YAML reads the label `7` as a number and `yes` as a truth.
struct Word(String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
        // A plain scalar asked for as a string is given as its text.
        String::deserialize(deserializer).map(Word)
    }
}

impl RawManifest {
    fn resolve(self, directory: &Path, text: &Text<'_>) -> Result<Manifest, Diagnostic> {
        let mut renames = Vec::new();
        for RawRename { from, to } in self.names {
            let rule = Rename::new(from.clone(), to);
            renames.push(rule.map_err(|fault| text.fault(&from, fault))?);
        }
        let labels_at = self.labels.is_some().then(|| text.place("labels"));
        let (labels, labels_file) = match self.labels {
            None => (Vec::new(), None),
            Some(Labels::List(labels)) => (labels, None),
            Some(Labels::File(path)) => {
                let path = directory.join(path);
                let labels = labels::read(&read_small_text(&path)?).map_err(|line| {
                    let path = path.display();
                    let message = format!("line {line} of the labels `{path}` is empty");
                    text.fault("labels", message)
                        .with_help("every line names a class; give this one a name or remove it")
                })?;
                (labels, Some(path))
            }
        };
        if let Some(index) = labels.iter().position(|label| label.trim().is_empty()) {
            return Err(text.fault("labels", format!("the label of class {index} is empty")));
        }
        if labels_at.is_some() && labels.is_empty() {
            return Err(text.fault("labels", "there are no labels"));
        }
        let image = self.image.map(|image| image.resolve(text)).transpose()?;
        let warnings = image.iter().filter_map(image_doubt).map(|doubt| {
            let span = text.place(doubt.attribute);
            let warning = Diagnostic::new(codes::IMAGE_RANGE, doubt.message, span, "");
            match doubt.range {
                Some(range) => warning.with_help(format!("`range: {range}`")),
                None => warning,
            }
        });
        Ok(Manifest {
            net: self.net.map(|net| {
                let (path, name) = split_target(&net);
                (directory.join(path), name.map(str::to_owned))
            }),
            weights: self.weights.map(|path| directory.join(path)),
            warnings: warnings.collect(),
            image,
            labels,
            labels_file,
            labels_at,
            names: NameMap {
                renames,
                ignore: self.ignore,
            },
            heldout: self.heldout.map(|heldout| HeldOut {
                images: directory.join(heldout.images),
                accuracy: heldout.accuracy,
            }),
        })
    }
}

impl RawImage {
    fn resolve(self, text: &Text<'_>) -> Result<ImageSpec, Diagnostic> {
        let range = self.range.unwrap_or(1.0);
        if !(range.is_finite() && range > 0.0) {
            let message = format!("`range` must be positive, not {range}");
            return Err(text.fault("range", message));
        }
        for (name, values) in [("mean", &self.mean), ("std", &self.std)] {
            if let Some(bad) = values.iter().find(|value| !value.is_finite()) {
                return Err(text.fault(name, format!("`{name}` must be finite, not {bad}")));
            }
        }
        if self.std.iter().any(|std| *std <= 0.0) {
            return Err(text.fault("std", "`std` divides and must be above 0"));
        }
        Ok(ImageSpec {
            resize: self.resize.map(|resize| match resize {
                SizeOrSide::Side(side) => ImageResize::ShorterSide(side),
                SizeOrSide::Size(size) => ImageResize::Exact(size),
            }),
            crop: self.crop.map(|crop| match crop {
                SizeOrSide::Side(side) => [side, side],
                SizeOrSide::Size(size) => size,
            }),
            order: match self.order {
                RawOrder::Rgb => ChannelOrder::Rgb,
                RawOrder::Bgr => ChannelOrder::Bgr,
                RawOrder::Gray => ChannelOrder::Gray,
            },
            range,
            mean: self.mean,
            std: self.std,
        })
    }
}

/// `file.net:Net` as its file and its net. Only a name can follow the colon, so that other colons stay in the path.
pub fn split_target(target: &str) -> (&str, Option<&str>) {
    let is_name = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    match target.rsplit_once(':') {
        Some((path, name)) if !path.is_empty() && is_name(name) => (path, Some(name)),
        _ => (target, None),
    }
}
