//! Operands in the form that their readers want: where they live, or a copy.

use super::builder::Place;
use super::lower::Lowering;
use super::placement::Memory;
use super::{ALIGNMENT_FLOATS, Operand, View};
use crate::graph::{Margins, NodeId, Shape};
use crate::kernels::{CopySpec, KernelSpec, Packing};

/// What a reader wants of an operand that its home may not give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// This block of channels, at least this halo.
    Blocked(usize, Margins),
    /// One image's elements in row-major order, or a whole map in blocks.
    Vector,
}

impl Lowering<'_> {
    pub(super) fn shape(&self, id: NodeId) -> &Shape {
        &self.graph.node(id).shape
    }

    /// Where a value lives. Makes the buffer when it is asked for the first time.
    pub(super) fn home(&mut self, id: NodeId) -> Place {
        let home = self.homes[id.index()];
        let root = &self.homes[home.root.index()];
        let operand = match self.roots[home.root.index()] {
            Some(operand) => operand,
            None => {
                let operand = match root.memory {
                    Memory::Input(index) => Operand::Input(index),
                    Memory::Output(index) => Operand::Output(index),
                    Memory::Param => {
                        let param = self.graph.node(home.root).params[0];
                        let len = self.graph.param(param).elements();
                        // The surplus lanes of a last block of any size are readable.
                        let padded = len.next_multiple_of(ALIGNMENT_FLOATS);
                        self.builder.packed(param, Packing::Vector { len, padded })
                    }
                    Memory::Buffer => self.builder.buffer(root.view.image_stride),
                };
                self.roots[home.root.index()] = Some(operand);
                operand
            }
        };
        let operand = match operand {
            Operand::Buffer { buffer, offset } => Operand::Buffer {
                buffer,
                offset: offset + home.offset,
            },
            // Only values that stand alone live outside the arena.
            other => other,
        };
        Place {
            view: home.view,
            operand,
        }
    }

    /// The floats from a value's first that may be read: those of the memory that it lives in. The user's tensors end with their last element; buffers and
    /// parameters are padded.
    fn readable(&self, id: NodeId) -> usize {
        let home = &self.homes[id.index()];
        let root = &self.homes[home.root.index()];
        let size = match root.memory {
            Memory::Input(_) | Memory::Output(_) => root.view.size(),
            Memory::Buffer | Memory::Param => root.view.size().next_multiple_of(ALIGNMENT_FLOATS),
        };
        size - home.offset
    }

    /// The value with this block and at least this halo: where it lives, or a copy.
    ///
    /// A map of one pixel has the same order in every block, but a larger block has more surplus lanes. They are read, so it is copied where its memory ends
    /// before them.
    pub(super) fn blocked(&mut self, id: NodeId, block: usize, halo: Margins) -> Place {
        let home = self.home(id);
        // One channel has the same order in every block.
        let view = if home.view.channels == 1 {
            Some(home.view)
        } else {
            home.view.with_block(block)
        };
        let fits =
            |view: &View| view.halo.max(halo) == view.halo && view.size() <= self.readable(id);
        match view {
            Some(view) if fits(&view) => Place { view, ..home },
            _ => self.copy(id, Form::Blocked(block, halo), home),
        }
    }

    /// The value as a dense layer reads it.
    pub(super) fn vector(&mut self, id: NodeId) -> Place {
        let home = self.home(id);
        let flat = Shape::features(self.shape(id).elements());
        if home.view.is_plain_order() {
            let view = home.view.reinterpret(&flat);
            return Place { view, ..home };
        }
        if home.view.halo.is_zero() && home.view.channels.is_multiple_of(home.view.block) {
            return home;
        }
        let copy = self.copy(id, Form::Vector, home);
        let view = copy.view.reinterpret(&flat);
        Place { view, ..copy }
    }

    /// A copy in another form, made once.
    pub(super) fn copy(&mut self, id: NodeId, form: Form, home: Place) -> Place {
        if let Some(copy) = self.copies.get(&(id, form)) {
            return *copy;
        }
        let shape = self.shape(id);
        let view = match form {
            Form::Blocked(block, halo) => View::dense(shape, block, halo),
            Form::Vector => View::plain(shape),
        };
        let operand = self.builder.buffer(view.image_stride);
        let copy = Place { view, operand };
        self.copy_step(id, home, copy);
        self.copies.insert((id, form), copy);
        copy
    }

    /// Copies all of one place to another of the same shape.
    pub(super) fn copy_step(&mut self, id: NodeId, from: Place, to: Place) {
        let size = [from.view.channels, from.view.height, from.view.width];
        self.copy_box(id, from, to, [0; 3], [0; 3], size, None);
    }

    #[allow(clippy::too_many_arguments)] // a box copied has so many ends
    pub(super) fn copy_box(
        &mut self,
        id: NodeId,
        from: Place,
        to: Place,
        source: [usize; 3],
        target: [usize; 3],
        size: [usize; 3],
        fill: Option<f32>,
    ) {
        let spec = CopySpec {
            input: from.view,
            output: to.view,
            source,
            target,
            size,
            fill: fill.map(f32::to_bits),
        };
        let name = &self.graph.node(id).name;
        self.builder
            .step(KernelSpec::Copy(spec), vec![from.operand, to.operand], name);
    }

    /// Copies a value to the user's output.
    pub(super) fn output(&mut self, id: NodeId, index: usize) {
        let home = self.home(id);
        if home.operand == Operand::Output(index) {
            return;
        }
        let to = Place {
            view: View::plain(self.shape(id)),
            operand: Operand::Output(index),
        };
        self.copy_step(id, home, to);
    }
}
