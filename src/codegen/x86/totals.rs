//! The sums of a precise convolution's finished chains: they stand in memory, behind the table of pointers, while registers hold the chain that is summed.

use super::assembler::{Arithmetic, Assembler, Vector, Word};
use super::conv::end_of_operands;
use crate::kernels::{Chain, ConvSpec};

/// Floats of a cache line, and of an entry of the table.
const LINE: usize = 16;
const ENTRY: usize = 2;

/// Floats from the start of the table to the totals.
fn place(spec: &ConvSpec) -> usize {
    (end_of_operands(spec) * ENTRY).next_multiple_of(LINE)
}

/// Floats of a strip's table and the totals behind it; 0 where there are none.
pub fn table_floats(spec: &ConvSpec) -> usize {
    match spec.chain() {
        Chain::Whole => 0,
        _ => place(spec) + spec.family.registers() * spec.family.lanes(),
    }
}

/// A tile's totals.
pub struct Totals {
    table: Word,
    place: i64,
}

impl Totals {
    /// The totals behind a table; none where all products are one chain.
    pub fn of(spec: &ConvSpec, table: &Word) -> Option<Totals> {
        (spec.chain() != Chain::Whole).then(|| Totals {
            table: table.clone(),
            place: place(spec) as i64,
        })
    }

    fn at(&self, a: &Assembler, index: usize) -> i64 {
        self.place + (index * a.lanes()) as i64
    }

    /// The sums become the totals, and begin anew.
    pub fn begin(&self, a: &mut Assembler, sums: &[Vector]) {
        for (index, sum) in sums.iter().enumerate() {
            a.store(sum, &self.table, self.at(a, index));
            a.clear(sum);
        }
    }

    /// The sums are added to the totals, and begin anew.
    pub fn join(&self, a: &mut Assembler, sums: &[Vector]) {
        for (index, sum) in sums.iter().enumerate() {
            let total = a.load(&self.table, self.at(a, index));
            a.compute_into(&total, Arithmetic::Add, &total, sum);
            a.store(&total, &self.table, self.at(a, index));
            a.clear(sum);
        }
    }

    /// The totals become the sums.
    pub fn end(&self, a: &mut Assembler, sums: &[Vector]) {
        for (index, sum) in sums.iter().enumerate() {
            a.load_into(sum, &self.table, self.at(a, index));
        }
    }
}
