//! Copies between layouts.

use super::{Memory, Values, scatter, zero_halo};
use crate::kernels::CopySpec;

pub(super) fn copy<M: Memory + ?Sized>(spec: &CopySpec, memory: &mut M, image: usize) {
    let input = Values::gather(memory, 0, &spec.input, image);
    let ([c0, i0, j0], [cs, is, js]) = (spec.target, spec.source);
    let [channels, height, width] = spec.size;
    let boxed = [c0..c0 + channels, i0..i0 + height, j0..j0 + width];
    if let Some(fill) = spec.fill {
        let fill = f64::from(f32::from_bits(fill));
        scatter(memory, 1, &spec.output, image, |c, i, j| {
            let in_box = [c, i, j]
                .iter()
                .zip(&boxed)
                .all(|(index, range)| range.contains(index));
            if in_box {
                input.inside(c - c0 + cs, i - i0 + is, j - j0 + js)
            } else {
                fill
            }
        });
        return;
    }
    // Without `fill` what is not in the box stays, surplus lanes included; the halo is that of the box's channels.
    for c in boxed[0].clone() {
        zero_halo(memory, 1, &spec.output, image, c);
        for i in boxed[1].clone() {
            for j in boxed[2].clone() {
                let index = image * spec.output.image_stride + spec.output.offset(c, i, j);
                let value = input.inside(c - c0 + cs, i - i0 + is, j - j0 + js);
                memory.write(1, index, value);
            }
        }
    }
}
