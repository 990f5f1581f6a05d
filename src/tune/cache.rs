//! The file that keeps what was measured: JSON, for any number of machines.
//!
//! Only entries of this machine and this version of netc are read; all others stay as they are. What cannot be understood is never overwritten.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::processor;
use crate::diagnostic::{Diagnostic, codes};
use crate::files;
use crate::kernels::conv::Algorithm;
use crate::kernels::{ConvShape, Times, Tuning};
use crate::limits;
use crate::plan::Machine;

/// Changes when what is written could be misread.
const FORMAT: u64 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u64,
    machines: Vec<Entry>,
}

/// What was measured on one machine.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    machine: Key,
    /// Of another version of netc they may look different.
    convolutions: Vec<Value>,
}

/// What times depend on besides the convolution.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    processor: String,
    /// The family of tiles.
    tiles: String,
    /// The version that made the kernels.
    netc: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Convolution {
    shape: ConvShape,
    /// By the algorithm's name.
    nanoseconds: BTreeMap<String, u64>,
}

impl Key {
    fn of(machine: &Machine) -> Key {
        Key {
            processor: processor::name(),
            tiles: machine.family.name().to_owned(),
            netc: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Where the file is if nobody says otherwise: in the user's cache directory. `None` where there is no such directory.
pub fn default_path() -> Option<PathBuf> {
    // The standard has relative paths ignored: they would be in the working directory.
    let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let caches = named.filter(|path| path.is_absolute()).or_else(|| {
        let home = std::env::home_dir().filter(|path| path.is_absolute());
        Some(home?.join(".cache"))
    })?;
    Some(caches.join("netc").join("tuning.json"))
}

/// What a file knows of this machine; nothing if there is no such file.
pub fn load(path: &Path, machine: &Machine) -> Result<Tuning, Diagnostic> {
    let fail = |reason: String| fault(path, &reason);
    let document = read(path).map_err(fail)?;
    let mut tuning = Tuning::default();
    let key = Key::of(machine);
    for entry in document
        .machines
        .into_iter()
        .filter(|entry| entry.machine == key)
    {
        for (shape, times) in entry.times().map_err(fail)? {
            tuning.record(shape, times);
        }
    }
    Ok(tuning)
}

/// Adds what is known of this machine to a file, or makes it. The file is replaced as a whole.
pub fn save(path: &Path, machine: &Machine, tuning: &Tuning) -> Result<(), Diagnostic> {
    merge(path, machine, tuning).map_err(|reason| fault(path, &reason))
}

fn fault(path: &Path, reason: &str) -> Diagnostic {
    // Reasons may quote the file.
    let reason: String = reason
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    let message = format!("cannot use `{}`: {reason}", path.display());
    Diagnostic::without_place(codes::TUNING_FILE, message)
        .with_help("name another with --tune-file; a damaged file of measurements can be deleted, it only saves time")
}

fn merge(path: &Path, machine: &Machine, tuning: &Tuning) -> Result<(), String> {
    // Another process may have added to it since it was loaded.
    let mut document = read(path)?;
    let key = Key::of(machine);
    let mut all = BTreeMap::new();
    for entry in document
        .machines
        .extract_if(.., |entry| entry.machine == key)
    {
        all.extend(entry.times()?);
    }
    all.extend(tuning.iter().map(|(shape, times)| (*shape, times.clone())));
    document.machines.push(Entry::new(key, &all)?);
    let text = document.text().map_err(|error| error.to_string())?;
    write(path, &text)
}

impl Document {
    /// A line a convolution.
    fn text(&self) -> Result<String, serde_json::Error> {
        let mut machines = Vec::new();
        for entry in &self.machines {
            let machine = serde_json::to_string(&entry.machine)?;
            let lines = entry.convolutions.iter().map(serde_json::to_string);
            let lines = lines.collect::<Result<Vec<String>, _>>()?.join(",\n");
            machines.push(format!(
                "{{\"machine\":{machine},\"convolutions\":[\n{lines}]}}"
            ));
        }
        let (format, machines) = (self.format, machines.join(",\n"));
        Ok(format!(
            "{{\"format\":{format},\"machines\":[\n{machines}]}}\n"
        ))
    }
}

impl Entry {
    fn new(machine: Key, all: &BTreeMap<ConvShape, Times>) -> Result<Entry, String> {
        let convolutions = all.iter().map(|(shape, times)| {
            let nanoseconds = times.iter().map(|(algorithm, time)| {
                let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
                (algorithm.name(), time)
            });
            Convolution {
                shape: *shape,
                nanoseconds: nanoseconds.collect(),
            }
        });
        let convolutions: Result<_, _> = convolutions.map(serde_json::to_value).collect();
        let convolutions = convolutions.map_err(|error| error.to_string())?;
        Ok(Entry {
            machine,
            convolutions,
        })
    }

    fn times(&self) -> Result<Vec<(ConvShape, Times)>, String> {
        let times = self.convolutions.iter().map(|convolution| {
            let convolution = Convolution::deserialize(convolution);
            let convolution = convolution.map_err(|error| error.to_string())?;
            let times = convolution.nanoseconds.iter().map(|(name, time)| {
                let algorithm = Algorithm::named(name);
                let algorithm = algorithm.ok_or_else(|| format!("unknown algorithm `{name}`"))?;
                Ok((algorithm, Duration::from_nanos(*time)))
            });
            Ok((convolution.shape, times.collect::<Result<_, String>>()?))
        });
        times.collect()
    }
}

/// What a file holds; nothing if it is not there.
fn read(path: &Path) -> Result<Document, String> {
    let mut file = match files::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Document {
                format: FORMAT,
                machines: Vec::new(),
            });
        }
        Err(error) => return Err(files::reason(&error)),
    };
    let bytes = files::read_at_most(&mut file, limits::TUNING_BYTES)
        .map_err(|error| files::reason(&error))?
        .ok_or_else(|| {
            let most = limits::TUNING_BYTES;
            format!("it is larger than the limit of {most} bytes")
        })?;
    let value: Value =
        serde_json::from_slice(&bytes).map_err(|error| format!("it is not JSON: {error}"))?;
    match value.get("format").and_then(Value::as_u64) {
        Some(FORMAT) => serde_json::from_value(value).map_err(|error| error.to_string()),
        Some(other) => Err(format!(
            "it has format {other}, and this version of netc reads format {FORMAT}"
        )),
        None => Err("it is no file of measurements".to_owned()),
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    if let Some(directory) = path.parent() {
        files::create_directories(directory).map_err(|error| files::reason(&error))?;
    }
    files::write(path, text.as_bytes()).map_err(|error| files::reason(&error))
}
