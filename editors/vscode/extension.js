// The client: starts `netc lsp` and hands it what the editor knows.

'use strict';

const vscode = require('vscode');
const {LanguageClient, TransportKind} = require('vscode-languageclient/node');
const {command, settings} = require('./server');

let client;

function get(name) {
  return vscode.workspace.getConfiguration('netc').get(name);
}

async function start() {
  const server = {...command(get), transport: TransportKind.stdio};
  client = new LanguageClient('netc', 'netc', server, {
    documentSelector: [{language: 'net'}],
    initializationOptions: settings(get),
    synchronize: {fileEvents: vscode.workspace.createFileSystemWatcher('**/*.net')},
  });
  try {
    await client.start();
  } catch (error) {
    const answer = await vscode.window.showErrorMessage(
      `\`${server.command} lsp\` cannot be started: ${error.message}. Say in \`netc.path\` where netc is.`,
      'Open settings',
    );
    if (answer) {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'netc.path');
    }
  }
}

async function stop() {
  const running = client;
  client = undefined;
  if (running?.isRunning()) {
    await running.stop();
  }
}

async function changed(event) {
  if (event.affectsConfiguration('netc.path')) {
    await stop();
    await start();
  } else if (event.affectsConfiguration('netc') && client?.isRunning()) {
    await client.sendNotification('workspace/didChangeConfiguration', {settings: settings(get)});
  }
}

async function activate(context) {
  context.subscriptions.push(
    vscode.workspace.onDidChangeConfiguration(changed),
    vscode.commands.registerCommand('netc.restart', async () => {
      await stop();
      await start();
    }),
  );
  await start();
}

module.exports = {activate, deactivate: stop};
