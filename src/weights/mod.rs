//! The numbers of a network: files that hold them, manifests that say what they are for, and binding them to a plan.

mod bind;
mod init;
mod labels;
mod manifest;
mod mismatch;
mod names;
mod pack;
mod safetensors;
mod shards;
mod yaml;

pub use bind::{MappedFile, WeightSource};
pub use init::SeededWeights;
pub use manifest::{HeldOut, Manifest, split_target};
pub use mismatch::same_but_for_ones;
pub use names::{NameMap, Rename};
pub(crate) use pack::join;
pub use pack::{Stretch, bind, stretches, usable, verify};
pub use safetensors::{ElementType, NamedTensor, StoredTensor, WeightsFile, write_safetensors};

#[cfg(test)]
mod tests;
