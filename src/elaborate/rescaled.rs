//! Maps that were made smaller and larger again, and are not what they were.

use super::expand::Expander;
use crate::graph::{NodeId, Op};

/// What became of the size of a value on its way from an input.
struct Way {
    /// The product of the strides.
    smaller: u64,
    /// What made it larger last.
    larger: Option<Op>,
}

impl Expander<'_> {
    /// What helps where two maps should have one size, and one of them lost the odd rows or columns on its way down and up again.
    pub(super) fn lost_on_the_way(&self, a: NodeId, b: NodeId) -> Option<String> {
        let size = |node: NodeId| {
            let shape = self.shape(node);
            (shape.rank() == 3).then(|| [shape.height(), shape.width()])
        };
        let (a_size, b_size) = (size(a)?, size(b)?);
        let is_under = |a: [u64; 2], b: [u64; 2]| a[0] <= b[0] && a[1] <= b[1];
        let (small, lost, large) = match (is_under(a_size, b_size), is_under(b_size, a_size)) {
            (true, false) => (a, [b_size[0] - a_size[0], b_size[1] - a_size[1]], b_size),
            (false, true) => (b, [a_size[0] - b_size[0], a_size[1] - b_size[1]], a_size),
            _ => return None,
        };
        let way = self.way(small);
        let fitting = format!(
            "an input whose sizes are multiples of {} has none to lose",
            way.smaller
        );
        let is_lost = way.smaller > 1 && lost.iter().all(|lost| *lost < way.smaller);
        match way.larger? {
            Op::ConvTranspose(conv)
                if is_lost
                    && lost
                        .iter()
                        .zip(conv.stride)
                        .all(|(lost, s)| *lost < s as u64) =>
            {
                let pad = match lost {
                    [rows, columns] if rows == columns => rows.to_string(),
                    [rows, columns] => format!("{rows}x{columns}"),
                };
                Some(format!(
                    "`output_pad={pad}` in the `conv_transpose` adds what was lost on the way down; {fitting}"
                ))
            }
            Op::ConvTranspose(_) | Op::Resize(_) if is_lost => Some(format!(
                "`upsample(size={}x{})` makes the size that is wanted; {fitting}",
                large[0], large[1]
            )),
            _ => None,
        }
    }

    /// The way of a value from an input, along the first operand of each node.
    fn way(&self, mut node: NodeId) -> Way {
        let mut way = Way {
            smaller: 1,
            larger: None,
        };
        // Far enough for a net that people write, and no further for one that is hostile.
        for _ in 0..4096 {
            let made = self.graph.node(node);
            match &made.op {
                Op::Conv(conv) => {
                    way.smaller = way.smaller.saturating_mul(conv.stride[0] as u64);
                }
                Op::Pool(pool) => {
                    way.smaller = way.smaller.saturating_mul(pool.stride[0] as u64);
                }
                op @ (Op::ConvTranspose(_) | Op::Resize(_)) => {
                    way.larger.get_or_insert_with(|| op.clone());
                }
                _ => {}
            }
            let Some(first) = made.inputs.first() else {
                break;
            };
            node = *first;
        }
        way
    }
}
