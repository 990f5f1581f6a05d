//! An array is read as many numbers as its shape has, or not at all.

#![no_main]

use libfuzzer_sys::fuzz_target;
use netc::data::read_npy;

fuzz_target!(|data: &[u8]| {
    let path = netc_fuzz::file("array.npy", data);
    if let Ok(array) = read_npy(&path) {
        assert_eq!(array.shape.iter().product::<usize>(), array.values.len());
    }
});
