//! Weights of random nets, as a file in memory.

use std::collections::BTreeMap;
use std::path::Path;

use super::Entropy;
use crate::graph::{Graph, Recipe};
use crate::weights::{NameMap, WeightSource, WeightsFile};

/// Weights that keep values about as large as they were: a function of the graph's names and the seed.
pub(super) fn weights(graph: &Graph, seed: u64) -> Result<WeightSource, String> {
    let (mut header, mut values) = (BTreeMap::new(), Vec::new());
    for (index, param) in graph.params.iter().enumerate() {
        let Recipe::Stored { name, .. } = &param.recipe else {
            continue;
        };
        let begin = values.len();
        let n: usize = param.shape.iter().product();
        let mut entropy = Entropy::seeded(seed ^ ((index as u64) << 32));
        let fan_in: usize = param.shape.iter().skip(1).product();
        values.extend((0..n).flat_map(|_| {
            let x = entropy.number();
            let value = match name.ends_with(".running_var") {
                true => 0.5 + x.abs(),
                false => x * (3.0 / fan_in as f64).sqrt().min(1.0),
            };
            (value as f32).to_le_bytes()
        }));
        let entry = serde_json::json!({
            "dtype": "F32", "shape": param.shape, "data_offsets": [begin, values.len()]
        });
        header.insert(name.clone(), entry);
    }
    let mut header = serde_json::to_vec(&header).map_err(|error| error.to_string())?;
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.extend(values);
    let file = WeightsFile::from_bytes(Path::new("random.safetensors"), bytes);
    file.and_then(|file| WeightSource::file(file, &NameMap::default()))
        .map_err(|fault| fault.message)
}
