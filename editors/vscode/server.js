// How the server is started, and what it is told. Knows nothing of VS Code, so that the tests can use it.

'use strict';

/** The settings as the server wants them; `get(name)` answers a setting of the editor. */
function settings(get) {
  return {inlayHints: get('inlayHints') ?? 'steps', include: get('include') ?? []};
}

/** The command that starts the server. */
function command(get) {
  return {command: get('path') || 'netc', args: ['lsp']};
}

module.exports = {command, settings};
