//! Checkpoints in several safetensors files: an index says which tensor is in which.
//!
//! ```json
//! {"metadata": {"total_size": 28966928}, "weight_map": {"fc.weight": "model-00001-of-00002.safetensors", ...}}
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::files;
use crate::limits;

/// How the name of an index ends.
pub const SUFFIX: &str = ".safetensors.index.json";

/// What an index says.
#[derive(Debug)]
pub struct Index {
    /// The names of files in the index's own directory, and the tensors of each.
    pub files: BTreeMap<String, BTreeSet<String>>,
    /// Bytes of all tensors, if they are stated.
    pub total_size: Option<u64>,
}

#[derive(serde::Deserialize)]
struct Raw {
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
    weight_map: BTreeMap<String, String>,
}

impl Index {
    /// Reads an index; the error is the reason why it cannot be used.
    pub fn read(path: &Path) -> Result<Index, String> {
        let most = limits::WEIGHTS_HEADER_BYTES;
        let bytes = files::open(path)
            .and_then(|mut file| files::read_at_most(&mut file, most))
            .map_err(|error| files::reason(&error))?
            .ok_or_else(|| format!("it is larger than the limit of {most} bytes"))?;
        Index::parse(&bytes)
    }

    fn parse(bytes: &[u8]) -> Result<Index, String> {
        let raw: Raw = serde_json::from_slice(bytes)
            .map_err(|error| format!("it is not an index of safetensors files: {error}"))?;
        let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (tensor, file) in raw.weight_map {
            // An index from elsewhere must not read what lies elsewhere.
            let is_name = !file.is_empty() && !file.contains(['/', '\\']) && file != "..";
            if !is_name {
                return Err(format!(
                    "it names the file `{file}`; files must be in the directory of the index"
                ));
            }
            files.entry(file).or_default().insert(tensor);
        }
        if files.len() > limits::FILES {
            return Err(format!("it names more than {} files", limits::FILES));
        }
        let total_size = raw
            .metadata
            .and_then(|metadata| metadata.get("total_size")?.as_u64());
        Ok(Index { files, total_size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_names_files_beside_it() {
        let text = br#"{"metadata": {"total_size": 12}, "weight_map": {"a": "1.safetensors", "b": "2.safetensors", "c": "1.safetensors"}}"#;
        let index = Index::parse(text).expect("an index");
        assert_eq!(index.total_size, Some(12));
        assert_eq!(index.files["1.safetensors"].len(), 2);
        for name in ["../a.safetensors", "/etc/passwd", "", "..", "a/b"] {
            let text = format!(r#"{{"weight_map": {{"a": "{name}"}}}}"#);
            let reason = Index::parse(text.as_bytes()).expect_err(name);
            assert!(reason.contains("directory"), "{reason}");
        }
        assert!(Index::parse(b"{}").is_err());
        assert!(Index::parse("[".repeat(100_000).as_bytes()).is_err());
    }
}
