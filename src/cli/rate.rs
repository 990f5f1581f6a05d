//! How fast a kernel is beside what bounds it.

use serde_json::{Value, json};

use crate::kernels::KernelSpec;
use crate::runtime::Peak;

/// A kernel's time against what the machine can do.
pub struct Rate {
    pub seconds: f64,
    pub flops: u64,
    pub bytes: u64,
    /// The share that it reaches of the rate that bounds it.
    pub share: f64,
    /// Which that is.
    pub bound: &'static str,
}

impl Rate {
    pub fn new(spec: &KernelSpec, batch: usize, seconds: f64, peak: Peak) -> Rate {
        let (flops, bytes) = (batch as u64 * spec.flops(), spec.bytes(batch));
        let computing = flops as f64 * 1e-9 / peak.gflops;
        let moving = bytes as f64 * 1e-9 / peak.gbytes;
        let bound = if computing > moving { "fma" } else { "memory" };
        // A step without tasks takes no time.
        let share = match seconds > 0.0 {
            true => computing.max(moving) / seconds,
            false => 0.0,
        };
        Rate {
            seconds,
            flops,
            bytes,
            share,
            bound,
        }
    }

    pub fn gflops(&self) -> f64 {
        match self.seconds > 0.0 {
            true => self.flops as f64 * 1e-9 / self.seconds,
            false => 0.0,
        }
    }

    /// Its cells of a table, see [`Rate::HEAD`].
    pub fn cells(&self) -> [String; 4] {
        let gflops = match self.flops {
            0 => String::new(),
            _ => format!("{:.1}", self.gflops()),
        };
        let megabytes = format!("{:.2}", self.bytes as f64 * 1e-6);
        let share = format!("{:.0}%", 100.0 * self.share);
        [gflops, megabytes, share, self.bound.to_owned()]
    }

    pub const HEAD: [&str; 4] = ["GFLOP/s", "MB", "%", "of"];

    /// The same as members of a JSON object.
    pub fn add_to(&self, value: &mut Value) {
        value["seconds"] = json!(self.seconds);
        value["flops"] = json!(self.flops);
        value["bytes"] = json!(self.bytes);
        value["gflops_per_second"] = json!(self.gflops());
        value["bound"] = json!(self.bound);
        value["share_of_bound"] = json!(self.share);
    }
}
