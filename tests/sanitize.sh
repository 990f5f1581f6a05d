#!/usr/bin/env bash
# Parsers, expansion, binding and symbolic sizes under AddressSanitizer. Code that netc makes is not
# instrumented: the tests of kernels put their memory between pages that fault instead.
#
# Names of tests as arguments choose others. The sanitizer is unstable; RUSTC_BOOTSTRAP lets a stable compiler take it.
set -euo pipefail
cd "$(dirname "$0")/.."

host=$(rustc --print host-tuple)
tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=(syntax:: elaborate:: symbolic:: weights:: data:: loader:: graph:: optimize::)

# With a target named, build scripts and macros stay as they are.
export RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address"
# A stack overflow and a huge allocation are faults too; what lives as long as the process is none.
export ASAN_OPTIONS="detect_leaks=0:detect_stack_use_after_return=1:${ASAN_OPTIONS:-}"
exec cargo test --lib --target "$host" --target-dir target/sanitize -- "${tests[@]}"
