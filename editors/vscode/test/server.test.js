// The real server over stdio, started as the extension starts it. `NETC` says where netc is.

'use strict';

const assert = require('node:assert');
const {spawn} = require('node:child_process');
const {readFileSync} = require('node:fs');
const path = require('node:path');
const {test} = require('node:test');
const {pathToFileURL} = require('node:url');
const rpc = require('vscode-languageserver-protocol/node');
const {command, settings} = require('../server');

const repository = path.join(__dirname, '../../..');
const chosen = {path: process.env.NETC ?? path.join(repository, 'target/debug/netc'), inlayHints: 'changes'};
const get = (name) => chosen[name];

async function session(converse) {
  const server = command(get);
  const child = spawn(server.command, server.args, {stdio: ['pipe', 'pipe', 'inherit']});
  const connection = rpc.createProtocolConnection(
    new rpc.StreamMessageReader(child.stdout),
    new rpc.StreamMessageWriter(child.stdin),
  );
  connection.listen();
  const left = new Promise((resolve) => child.on('exit', resolve));
  try {
    const {capabilities} = await connection.sendRequest('initialize', {
      processId: process.pid,
      rootUri: null,
      capabilities: {},
      workspaceFolders: null,
      initializationOptions: settings(get),
    });
    await connection.sendNotification('initialized', {});
    await converse(connection, capabilities);
    await connection.sendRequest('shutdown');
    await connection.sendNotification('exit');
    assert.strictEqual(await left, 0);
  } finally {
    connection.dispose();
    child.kill();
  }
}

function open(connection, name, text) {
  const uri = pathToFileURL(path.join(repository, name)).href;
  const told = new Promise((resolve) =>
    connection.onNotification('textDocument/publishDiagnostics', (params) => params.uri === uri && resolve(params)),
  );
  connection.sendNotification('textDocument/didOpen', {
    textDocument: {uri, languageId: 'net', version: 1, text},
  });
  return {uri, told};
}

test('the server offers what the extension relies on', () =>
  session(async (_, capabilities) => {
    for (const name of ['hover', 'inlayHint', 'completion', 'signatureHelp', 'definition', 'references', 'rename', 'codeLens']) {
      assert.ok(capabilities[`${name}Provider`], name);
    }
    assert.ok(capabilities.semanticTokensProvider.full);
  }));

test('every change of shape in a real file is shown', () =>
  session(async (connection) => {
    const text = readFileSync(path.join(repository, 'nets/alexnet.net'), 'utf8');
    const {uri, told} = open(connection, 'nets/alexnet.net', text);
    assert.deepStrictEqual((await told).diagnostics, []);
    const range = {start: {line: 0, character: 0}, end: {line: 9999, character: 0}};
    const hints = await connection.sendRequest('textDocument/inlayHint', {textDocument: {uri}, range});
    const labels = hints.map((hint) => hint.label);
    assert.ok(labels.includes('[64, 27, 27]'), labels.join(' '));
  }));

test('a fault is told at its place', () =>
  session(async (connection) => {
    const {told} = open(connection, 'fault.net', 'net N {\n  input x: [3, 8, 8]\n  /* 😀 */ conf(4, 1x1)\n}\n');
    const [found, ...others] = (await told).diagnostics;
    assert.deepStrictEqual(others, []);
    assert.deepStrictEqual(found.range, {start: {line: 2, character: 11}, end: {line: 2, character: 15}});
    assert.match(found.message, /did you mean `conv`/);
  }));
