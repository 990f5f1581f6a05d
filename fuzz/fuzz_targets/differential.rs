//! A random net computes what its graph means, with every set of instructions, on one thread and on
//! two, in memory and as a shipped library.

#![no_main]

use libfuzzer_sys::fuzz_target;
use netc::random::{Entropy, differential};

fuzz_target!(|data: &[u8]| {
    if let Err(fault) = differential(&mut Entropy::of_bytes(data)) {
        panic!("{fault}");
    }
});
