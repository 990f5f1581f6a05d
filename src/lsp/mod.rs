//! The language server: what [`ide`](crate::ide) knows, over the language server protocol. The sole user of lsp-server's messages and of gen-lsp-types.
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
mod transport;

use std::path::PathBuf;

use lsp_server::Connection;

/// Serves one editor over the standard streams until it says goodbye. `include` are directories that `use` may read from.
///
/// Fails if the editor leaves without a goodbye, or sends what is not in the protocol; the reason is returned.
pub fn serve_stdio(include: Vec<PathBuf>) -> Result<(), String> {
    let (connection, threads) = transport::stdio();
    let ended = serve(connection, include);
    // Why nothing more could be read says more than that nothing more came.
    match (ended, threads.finish()) {
        (Err(_), Err(fault)) => Err(fault.to_string()),
        (ended, _) => ended,
    }
}

/// Serves one editor over any connection, like [`serve_stdio`].
pub fn serve(connection: Connection, include: Vec<PathBuf>) -> Result<(), String> {
    match session::run(&connection, include) {
        session::End::Goodbye => Ok(()),
        session::End::Abrupt => Err("the editor left without `shutdown`".into()),
    }
}
