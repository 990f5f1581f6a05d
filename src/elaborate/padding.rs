//! Which convolution lost the edge that a residual misses.

use super::expand::Expander;
use crate::graph::{Conv, NodeId, Op, Shape};
use crate::source::Span;

impl Expander<'_> {
    /// The empty span before the closing parenthesis of the one convolution without a pad that makes the shape of `node` smaller than
    /// `wanted`, if such a convolution is all that is between them.
    ///
    /// With it, whether a pad that restores the size is the same on all sides, so that there is only one. That of an even kernel has one
    /// row more on one side, and frameworks differ in which.
    pub(super) fn unpadded(&self, node: NodeId, wanted: &Shape) -> Option<(Span, bool)> {
        let found = self.graph.node(node).shape.clone();
        if found.rank() != 3 || wanted.rank() != 3 || found.channels() != wanted.channels() {
            return None;
        }
        let missing = [
            wanted.height().checked_sub(found.height())?,
            wanted.width().checked_sub(found.width())?,
        ];
        let (mut at, mut culprit) = (node, None);
        while let [input] = self.graph.node(at).inputs[..] {
            match &self.graph.node(at).op {
                // Before a stride, a pixel is not a pixel any more.
                Op::Conv(conv) if conv.stride != [1, 1] => break,
                Op::Conv(conv) if loses(conv, missing) => {
                    if culprit.replace(at).is_some() {
                        return None;
                    }
                }
                Op::Conv(_) => {}
                _ if self.graph.node(at).shape == self.graph.node(input).shape => {}
                _ => break,
            }
            at = input;
        }
        let call = self.origin_span(culprit?)?;
        let text = self.program.sources.text(call);
        let arguments = text.strip_suffix(')')?.trim_end();
        // The fourth argument by position is the pad.
        let n_by_position = arguments.split(',').filter(|it| !it.contains('=')).count();
        let takes_pad = n_by_position < 4 && !arguments.ends_with(',') && !text.contains("pad");
        takes_pad.then(|| {
            let close = call.end as usize - 1;
            let is_even = missing.iter().all(|n| n.is_multiple_of(2));
            (Span::new(call.file, close, close), is_even)
        })
    }
}

/// Whether a convolution without a pad loses exactly so many rows and columns.
fn loses(conv: &Conv, missing: [u64; 2]) -> bool {
    let lost = |axis: usize| (conv.dilation[axis] * (conv.kernel[axis] - 1)) as u64;
    conv.pad.is_zero() && missing != [0, 0] && missing == [lost(0), lost(1)]
}
