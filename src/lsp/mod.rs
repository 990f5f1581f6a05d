//! The language server: what [`ide`](crate::ide) knows, over the language server protocol. The sole user of lsp-server and gen-lsp-types.
//!
//! It is synchronous: one thread takes messages in order. A text is analysed when the first question about it comes or when nothing else
//! waits, so that a burst of keystrokes costs one analysis.

mod actions;
mod convert;
mod diagnostics;
mod documents;
mod lines;
mod navigation;
mod requests;
mod session;
mod setup;

use std::path::PathBuf;

use lsp_server::Connection;

/// Serves one editor over the standard streams until it says goodbye. `include` are directories that `use` may read from.
pub fn serve_stdio(include: Vec<PathBuf>) -> Result<(), String> {
    let (connection, threads) = Connection::stdio();
    serve(connection, include)?;
    threads.join().map_err(|error| error.to_string())
}

/// The same over any connection.
pub fn serve(connection: Connection, include: Vec<PathBuf>) -> Result<(), String> {
    session::run(&connection, include).map_err(|error| error.to_string())
}
