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
    // Without `fill` what is not in the box stays. The halo of each plane that is touched becomes zeros, its surplus lanes anything.
    let view = &spec.output;
    let planes = boxed[0].start / view.block..boxed[0].end.div_ceil(view.block);
    for c in planes.start * view.block..planes.end * view.block {
        zero_halo(memory, 1, view, image, c);
        for i in 0..view.height {
            for j in 0..view.width {
                let index = image * view.image_stride + view.offset(c, i, j);
                if c >= view.channels {
                    memory.write(1, index, f64::NAN);
                } else if boxed[0].contains(&c) && boxed[1].contains(&i) && boxed[2].contains(&j) {
                    let value = input.inside(c - c0 + cs, i - i0 + is, j - j0 + js);
                    memory.write(1, index, value);
                }
            }
        }
    }
}
