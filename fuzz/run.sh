#!/usr/bin/env bash
# Runs fuzz targets one after the other, SECONDS each, and prints how many inputs each has run:
#
#     fuzz/run.sh SECONDS [TARGET...]
#
# Without targets, all of them. They are built by the stable toolchain. A target that finds a fault
# leaves the input in fuzz/artifacts, and the script ends with its status.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?"usage: fuzz/run.sh SECONDS [TARGET...]"}
shift

# Sanitizers and coverage are unstable flags, which a stable compiler takes with this.
export RUSTC_BOOTSTRAP=1
tools=$PWD/target/tools
export PATH="$tools/bin:$PATH"
command -v cargo-fuzz > /dev/null || cargo install cargo-fuzz@0.13.2 --locked --root "$tools"
host=$(rustc -vV | sed -n 's/^host: //p')

targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
cargo fuzz build --target "$host"

# What a target starts from: files of the repository, under the names of their content.
seed() {
  local corpus=fuzz/corpus/$1 header=$2 file
  shift 2
  mkdir -p "$corpus"
  for file in "$@"; do
    { printf "$header"; cat "$file"; } > "$corpus/seed-$(cksum < "$file" | tr ' ' '-')"
  done
}
mapfile -t sources < <(git ls-files 'nets/*.net' 'tests/ui/*.net' 'tests/fixtures/*.net')
for target in parse_print fmt check fix; do
  seed "$target" '' "${sources[@]}"
done
seed ide '\0\144' "${sources[@]}"
seed weights '' fuzz/seeds/weights/*
seed npy '' fuzz/seeds/npy/*
seed manifest '' fuzz/seeds/manifest/* nets/digits/*.yaml
seed picture '' tests/data/pictures/*.png tests/data/pictures/*.jpg nets/digits/images/7.png

log=$(mktemp)
trap 'rm -f "$log"' EXIT
counts=()
for target in "${targets[@]}"; do
  options=(-max_total_time="$seconds" -timeout=20 -rss_limit_mb=3072 -max_len=4096 -print_final_stats=1)
  case $target in
    parse_print | fmt | check | fix | ide) options+=(-dict=fuzz/net.dict) ;;
  esac
  mkdir -p "fuzz/corpus/$target"
  status=0
  cargo fuzz run --target "$host" "$target" -- "${options[@]}" > "$log" 2>&1 || status=$?
  if [ $status -ne 0 ]; then
    tail -n 80 "$log"
    exit $status
  fi
  counts+=("$(printf '%-12s %12s' "$target" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")")")
done

echo "inputs that each target ran in $seconds s:"
printf '%s\n' "${counts[@]}"
