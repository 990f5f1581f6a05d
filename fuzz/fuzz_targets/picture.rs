//! A picture becomes the input's shape, or the reason why not is told, in bounded memory.

#![no_main]

use libfuzzer_sys::fuzz_target;
use netc::data::{LeftOut, Wanted, read_input};
use netc::graph::Graph;
use std::sync::LazyLock;

const NET: &str = "net Picture {
  input x: [3, 6, 5] from image(resize=8, crop=[6, 5], mean=[0.5, 0.5, 0.5], std=[0.2, 0.2, 0.2])
  relu
}";

static GRAPH: LazyLock<Graph> = LazyLock::new(|| netc_fuzz::graph(NET, "Picture"));

fuzz_target!(|data: &[u8]| {
    let path = netc_fuzz::file("picture", data);
    let (input, mut left_out) = (&GRAPH.inputs[0], LeftOut::default());
    let wanted = Wanted {
        name: &input.name,
        shape: &GRAPH.node(input.node).shape,
        image: input.image.as_ref(),
    };
    if let Ok(array) = read_input(&path, wanted, &mut left_out) {
        assert_eq!(array.shape, [1, 3, 6, 5]);
        assert!(array.values.iter().all(|value| value.is_finite()));
    }
});
