#!/usr/bin/env bash
# Brings dagre.min.js and its licence from the npm package. The version is pinned: a change of it changes drawings.
set -euo pipefail
cd "$(dirname "$0")"
version=3.1.3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "@dagrejs/dagre@$version" && tar xzf dagrejs-dagre-*.tgz)
# The bundle names a source map that is not here.
sed '/^\/\/# sourceMappingURL=/d' "$work/package/dist/dagre.min.js" > dagre.min.js
cp "$work/package/dist/dagre.min.js.LEGAL.txt" dagre.min.js.LEGAL.txt
