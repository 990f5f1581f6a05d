//! Drawings of nets: boxes and lines from an [outline](crate::outline), as SVG, as DOT, or as a page to explore.
//!
//! `figure.rs` says what is drawn, `layout.rs` where; the renderers only write it down.

mod dot;
pub mod figure;
mod layout;
mod metrics;
pub(crate) mod page;
mod svg;
#[cfg(test)]
mod tests;

pub use dot::dot;
pub use figure::{Drawing, drawing};
pub use page::{Data, Layer, data, graph_page};
pub use svg::svg;
