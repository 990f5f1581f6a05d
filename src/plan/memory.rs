//! Where buffers lie in the arena: those that live at the same time lie apart, all others may share.

use std::collections::BTreeSet;

use super::{ALIGNMENT_FLOATS, Buffer};

/// Pairs of (buffer, step it lives at) up to which the slower and tighter strategies are tried. ResNet-1202 has some ten thousand.
const MAX_PAIRS: usize = 2_000_000;

/// Sets the buffers' offsets and answers the size of the arena. Sizes become multiples of the alignment.
pub(super) fn assign_offsets(buffers: &mut [Buffer], n_steps: usize) -> usize {
    for buffer in buffers.iter_mut() {
        buffer.size = buffer.size.next_multiple_of(ALIGNMENT_FLOATS);
    }
    let pairs: usize = buffers.iter().map(span).sum();
    let mut candidates = vec![in_order_of_time(buffers)];
    if pairs <= MAX_PAIRS {
        for priority in [by_size, by_area, by_span] {
            candidates.push(in_order_of_priority(buffers, n_steps, priority, None));
        }
        let ceiling = Some(lower_bound(buffers));
        candidates.push(in_order_of_priority(buffers, n_steps, by_span, ceiling));
    }
    let arena = |offsets: &[usize]| {
        let ends = buffers.iter().zip(offsets);
        ends.map(|(buffer, offset)| buffer.size + offset)
            .max()
            .unwrap_or(0)
    };
    let Some(best) = candidates.into_iter().min_by_key(|offsets| arena(offsets)) else {
        return 0;
    };
    let size = arena(&best);
    for (buffer, offset) in buffers.iter_mut().zip(best) {
        buffer.offset = offset;
    }
    size
}

/// The most that lives at one time: no arena can be smaller.
pub fn lower_bound(buffers: &[Buffer]) -> usize {
    let mut changes: Vec<(usize, isize)> = Vec::new();
    for buffer in buffers {
        changes.push((buffer.live.0, buffer.size as isize));
        changes.push((buffer.live.1 + 1, -(buffer.size as isize)));
    }
    // At one step, what ends goes before what begins.
    changes.sort_unstable();
    let (mut now, mut most) = (0, 0);
    for (_, change) in changes {
        now += change;
        most = most.max(now);
    }
    most as usize
}

/// Large ones are hardest to place.
fn by_size(buffer: &Buffer) -> (usize, usize) {
    (buffer.size, span(buffer))
}

/// So are those that live long and are in the way of many.
fn by_area(buffer: &Buffer) -> (usize, usize) {
    (buffer.size * span(buffer), buffer.size)
}

/// Those that live longest at the bottom, what comes and goes above them.
fn by_span(buffer: &Buffer) -> (usize, usize) {
    (span(buffer), buffer.size)
}

/// Steps that a buffer lives for.
fn span(buffer: &Buffer) -> usize {
    buffer.live.1 - buffer.live.0 + 1
}

/// Those of the highest priority first, each into the smallest gap between those that are placed and live with it.
///
/// With a ceiling, what lives longer than the average goes to the nearer end of the arena instead, and the others keep away from the floor. Of a chain of residual
/// blocks, each sum lives until the next is there: they take turns at the two ends, and the rest is in one piece.
fn in_order_of_priority(
    buffers: &[Buffer],
    n_steps: usize,
    priority: fn(&Buffer) -> (usize, usize),
    ceiling: Option<usize>,
) -> Vec<usize> {
    let all_spans: usize = buffers.iter().map(span).sum();
    let lives_long = |buffer: &Buffer| span(buffer) * buffers.len() > all_spans;
    let mut order: Vec<usize> = (0..buffers.len()).collect();
    order.sort_by_key(|&index| (std::cmp::Reverse(priority(&buffers[index])), index));
    let mut offsets = vec![0; buffers.len()];
    let mut placed_at: Vec<Vec<u32>> = vec![Vec::new(); n_steps];
    let mut seen = vec![false; buffers.len()];
    for index in order {
        let buffer = &buffers[index];
        let mut neighbours: Vec<u32> = Vec::new();
        for placed in &mut placed_at[buffer.live.0..=buffer.live.1] {
            for &other in placed.iter() {
                if !std::mem::replace(&mut seen[other as usize], true) {
                    neighbours.push(other);
                }
            }
            placed.push(index as u32);
        }
        for &other in &neighbours {
            seen[other as usize] = false;
        }
        neighbours.sort_unstable_by_key(|&other| (offsets[other as usize], other));
        let (mut end, mut gaps) = (0, Vec::new());
        for &other in &neighbours {
            let begin = offsets[other as usize];
            if begin >= end + buffer.size {
                gaps.push((begin - end, end));
            }
            end = end.max(begin + buffers[other as usize].size);
        }
        let smallest = gaps.iter().min().copied();
        offsets[index] = match (ceiling, smallest) {
            (Some(ceiling), _) if lives_long(buffer) => {
                nearer_end(&gaps, end, buffer.size, ceiling)
            }
            (Some(_), Some((gap, 0))) => gap - buffer.size,
            (_, Some((_, offset))) => offset,
            (_, None) => end,
        };
    }
    offsets
}

/// The place nearest to the floor or to the ceiling, in gaps (sizes and offsets, from below) or behind `end`.
fn nearer_end(gaps: &[(usize, usize)], end: usize, size: usize, ceiling: usize) -> usize {
    let lowest = gaps.first().map_or(end, |&(_, offset)| offset);
    let highest = match (ceiling >= end + size, gaps.last()) {
        (true, _) => ceiling - size,
        (false, Some((gap, offset))) => offset + gap - size,
        (false, None) => end,
    };
    match lowest <= ceiling.abs_diff(highest + size) {
        true => lowest,
        false => highest,
    }
}

/// First to live first, each into the smallest gap that is free then. Takes `n log n` whatever lives together.
fn in_order_of_time(buffers: &[Buffer]) -> Vec<usize> {
    let mut begins: Vec<usize> = (0..buffers.len()).collect();
    begins.sort_by_key(|&index| {
        (
            buffers[index].live.0,
            std::cmp::Reverse(buffers[index].size),
            index,
        )
    });
    let mut ends: Vec<usize> = (0..buffers.len()).collect();
    ends.sort_by_key(|&index| (buffers[index].live.1, index));
    let mut ends = ends.into_iter().peekable();
    let mut free = FreeList::default();
    let mut offsets = vec![0; buffers.len()];
    for index in begins {
        while let Some(done) = ends.next_if(|&done| buffers[done].live.1 < buffers[index].live.0) {
            free.give(offsets[done], buffers[done].size);
        }
        offsets[index] = free.take(buffers[index].size);
    }
    offsets
}

/// The gaps below the end of what was ever taken.
#[derive(Default)]
struct FreeList {
    by_offset: BTreeSet<(usize, usize)>,
    by_size: BTreeSet<(usize, usize)>,
    end: usize,
}

impl FreeList {
    fn remove(&mut self, offset: usize, size: usize) {
        self.by_offset.remove(&(offset, size));
        self.by_size.remove(&(size, offset));
    }

    fn insert(&mut self, offset: usize, size: usize) {
        self.by_offset.insert((offset, size));
        self.by_size.insert((size, offset));
    }

    fn take(&mut self, size: usize) -> usize {
        if let Some(&(gap, offset)) = self.by_size.range((size, 0)..).next() {
            self.remove(offset, gap);
            if gap > size {
                self.insert(offset + size, gap - size);
            }
            return offset;
        }
        // No gap is large enough: the last one may grow beyond the end.
        let offset = match self.by_offset.last() {
            Some(&(offset, gap)) if offset + gap == self.end => {
                self.remove(offset, gap);
                offset
            }
            _ => self.end,
        };
        self.end = offset + size;
        offset
    }

    fn give(&mut self, offset: usize, size: usize) {
        if size == 0 {
            return;
        }
        let (mut offset, mut size) = (offset, size);
        if let Some(&(before, gap)) = self.by_offset.range(..(offset, 0)).next_back()
            && before + gap == offset
        {
            self.remove(before, gap);
            (offset, size) = (before, gap + size);
        }
        if let Some(&(after, gap)) = self.by_offset.range((offset, 0)..).next()
            && offset + size == after
        {
            self.remove(after, gap);
            size += gap;
        }
        self.insert(offset, size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(offsets: &[usize], buffers: &[Buffer]) {
        for (i, a) in buffers.iter().enumerate() {
            for (j, b) in buffers.iter().enumerate().skip(i + 1) {
                let in_time = a.live.0 <= b.live.1 && b.live.0 <= a.live.1;
                let in_space = offsets[i] < offsets[j] + b.size && offsets[j] < offsets[i] + a.size;
                assert!(!(in_time && in_space), "{a:?} and {b:?} overlap");
            }
        }
    }

    proptest! {
        #[test]
        fn buffers_that_live_together_lie_apart(
            specs in proptest::collection::vec((1usize..2000, 0usize..40, 0usize..12), 1..60)
        ) {
            let mut buffers: Vec<Buffer> = specs
                .into_iter()
                .map(|(size, first, length)| Buffer { size, image_stride: size, offset: 0, live: (first, first + length) })
                .collect();
            let arena = assign_offsets(&mut buffers, 60);
            let offsets: Vec<usize> = buffers.iter().map(|buffer| buffer.offset).collect();
            check(&offsets, &buffers);
            check(&in_order_of_time(&buffers), &buffers);
            for priority in [by_size, by_area, by_span] {
                check(&in_order_of_priority(&buffers, 60, priority, None), &buffers);
            }
            let bound = lower_bound(&buffers);
            check(&in_order_of_priority(&buffers, 60, by_span, Some(bound)), &buffers);
            prop_assert!(arena >= bound);
            prop_assert!(arena <= 2 * bound, "{arena} floats, {bound} would do");
            prop_assert!(offsets.iter().all(|offset| offset % ALIGNMENT_FLOATS == 0));
        }
    }

    /// A sum of 64 KiB and its normalised form, two narrower maps of which the first has a halo, the next sum: blocks of a residual net that
    /// normalises first.
    #[test]
    fn residual_blocks_leave_no_gaps() {
        let mut buffers = Vec::new();
        for step in (0..400).step_by(4) {
            for (size, first, last) in [(16384, 0, 4), (16384, 1, 2), (4624, 2, 3), (4096, 3, 4)] {
                buffers.push(Buffer {
                    size,
                    image_stride: size,
                    offset: 0,
                    live: (step + first, step + last),
                });
            }
        }
        let bound = lower_bound(&buffers);
        assert_eq!(assign_offsets(&mut buffers, 405), bound);
    }

    #[test]
    fn a_chain_takes_the_two_largest_neighbours() {
        let mut buffers: Vec<Buffer> = (0..5000)
            .map(|step| Buffer {
                size: 64,
                image_stride: 64,
                offset: 0,
                live: (step, step + 1),
            })
            .collect();
        assert_eq!(assign_offsets(&mut buffers, 5001), 128);
    }
}
