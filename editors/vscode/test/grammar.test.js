// The colours of a file, without a server.

'use strict';

const assert = require('node:assert');
const {readFileSync} = require('node:fs');
const path = require('node:path');
const {test} = require('node:test');
const oniguruma = require('vscode-oniguruma');
const textmate = require('vscode-textmate');

async function grammar() {
  const wasm = readFileSync(require.resolve('vscode-oniguruma/release/onig.wasm'));
  await oniguruma.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async () => {
      const file = path.join(__dirname, '../syntaxes/net.tmLanguage.json');
      return textmate.parseRawGrammar(readFileSync(file, 'utf8'), file);
    },
  });
  return registry.loadGrammar('source.net');
}

const loaded = grammar();

/** The innermost scope of each word of the text. */
async function scopes(text) {
  const found = [];
  let stack = textmate.INITIAL;
  for (const line of text.split('\n')) {
    const {tokens, ruleStack} = (await loaded).tokenizeLine(line, stack);
    stack = ruleStack;
    for (const {startIndex, endIndex, scopes} of tokens) {
      const word = line.slice(startIndex, endIndex).trim();
      if (word && scopes.length > 1) {
        found.push([word, scopes.at(-1).replace(/\.net$/, '')]);
      }
    }
  }
  return found;
}

for (const [name, text, expected] of [
  ['declarations', 'block B(n: int) {}', [['block', 'storage.type'], ['B', 'entity.name.type'], ['n', 'variable.parameter'], [':', 'punctuation.separator'], ['int', 'support.type']]],
  ['labels and layers', 'c1: conv(8, 3x3)', [['c1', 'entity.name.tag'], [':', 'punctuation.separator'], ['conv', 'support.function'], ['8', 'constant.numeric.integer'], ['3x3', 'constant.numeric.size']]],
  ['an assertion is no label', 'relu : [8]', [['relu', 'support.function'], ['8', 'constant.numeric.integer']]],
  ['arguments', 'unit(8, stride=2)', [['unit', 'entity.name.function'], ['8', 'constant.numeric.integer'], ['stride', 'variable.parameter'], ['=', 'keyword.operator.assignment'], ['2', 'constant.numeric.integer']]],
  ['open sizes', 'input x: [3, H = 224, W]', [['input', 'keyword.other'], ['x', 'entity.name.tag'], [':', 'punctuation.separator'], ['[', 'meta.input'], ['3', 'constant.numeric.integer'], [',', 'meta.input'], ['H', 'variable.other.constant'], ['=', 'keyword.operator.assignment'], ['224', 'constant.numeric.integer'], [',', 'meta.input'], ['W', 'variable.other.constant'], [']', 'meta.input']]],
  ['an element in the shape of an input', 'input x: [d[0], 8] relu', [['input', 'keyword.other'], ['x', 'entity.name.tag'], [':', 'punctuation.separator'], ['[', 'meta.input'], ['d', 'meta.input'], ['[', 'meta.input'], ['0', 'constant.numeric.integer'], [']', 'meta.input'], [',', 'meta.input'], ['8', 'constant.numeric.integer'], [']', 'meta.input'], ['relu', 'support.function']]],
  ['what sizes a net is for', 'where H % 32 == 0 and W >= 64', [['where', 'keyword.other'], ['%', 'keyword.operator.arithmetic'], ['32', 'constant.numeric.integer'], ['==', 'keyword.operator.comparison'], ['0', 'constant.numeric.integer'], ['and', 'keyword.operator.word'], ['>=', 'keyword.operator.comparison'], ['64', 'constant.numeric.integer']]],
  ['comments nest', '/* a /* b */ c */ relu', [['/*', 'comment.block'], ['a', 'comment.block'], ['/*', 'comment.block'], ['b', 'comment.block'], ['*/', 'comment.block'], ['c', 'comment.block'], ['*/', 'comment.block'], ['relu', 'support.function']]],
  ['texts hold expressions', '"a {len(b)} {{"', [['"', 'string.quoted.double'], ['a', 'string.quoted.double'], ['{', 'punctuation.section.interpolation'], ['len', 'entity.name.function'], ['(b)', 'meta.interpolation'], ['}', 'punctuation.section.interpolation'], ['{{', 'constant.character.escape'], ['"', 'string.quoted.double']]],
]) {
  test(name, async () => assert.deepStrictEqual(await scopes(text), expected));
}
