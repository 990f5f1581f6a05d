//! Sizes that are left open: what holds of a net for all of them.
//!
//! A symbolic dimension is a function of one open size. What convolutions, pools and the arithmetic of shapes make of a size is
//! *eventually quasi-affine*: from some size on, a step of one period adds the same slope. So a table of its first values and of
//! one period says it for every size ([`Function`]), the least such table is a normal form in which equal expressions are equal,
//! and what a table shows to hold is proved.
//!
//! The shape rules themselves stay what they are, functions of numbers: [`lift`] evaluates a rule at as many sizes as its table
//! takes. There is one definition of each rule.
//!
//! ```text
//! Function    a size as a function of an open size                  function
//! Sizes       a set of sizes: what a `where` allows                 sizes
//! form        either as an expression of the language               form
//! SymDim      known, a function, or a product of functions          shape
//! lift        a shape rule over symbolic shapes                     lift
//! ```

mod form;
mod function;
mod lift;
mod shape;
mod sizes;
#[cfg(test)]
mod tests;

pub use function::{Function, Undecided, settle};
pub use lift::{Assignment, Failure, Open, Rate, Rule, lift};
pub use shape::{Polynomial, SymDim, SymShape, Variable};
pub use sizes::Sizes;
