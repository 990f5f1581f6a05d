#!/usr/bin/env python3
"""Compares netc with ONNX Runtime, OpenVINO (32 bits) and PyTorch: same networks, same weights, same thread counts, alternating turns.

    cargo build --release
    python3 benches/peers/run.py --setup --write docs/speed.md     # creates a virtual environment first, 5 GB of downloads and packages
    python3 benches/peers/run.py --nets VGG_A,ResNet50 --batch 1 --threads 2 --rounds 20

Exported networks, 6 GB of them, stay in the cache directory; raw results are added to results.jsonl there, and table.py makes the table of them again.
"""
import argparse
import json
import os
import platform
import subprocess
import sys
import venv
from pathlib import Path

import rounds
import table
from targets import TARGETS

HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "target"
ENGINES = ("netc", "ort", "ov-f32", "torch-eager")


def words(text):
    return [word for word in text.split(",") if word]


def numbers(text):
    return [int(word) for word in words(text)]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setup", action="store_true", help="create the virtual environment and install the peers into it")
    parser.add_argument("--nets", type=words, default=list(TARGETS), metavar="NET,...", help="default: all that have a target")
    parser.add_argument("--engines", type=words, default=list(ENGINES), metavar="NAME,...", help=f"default: {','.join(ENGINES)}")
    parser.add_argument("--batch", type=numbers, default=[1, 8], metavar="N,...", help="default: 1,8; at most 8")
    parser.add_argument("--threads", type=numbers, default=[1, 2], metavar="N,...", help="default: 1,2")
    parser.add_argument("--rounds", type=int, default=20, help="default: 20")
    parser.add_argument("--turn", type=float, default=0.2, metavar="SECONDS", help="of one engine in one round (default: 0.2)")
    parser.add_argument("--netc", type=Path, default=TARGET / "release" / "netc", metavar="PATH", help="default: target/release/netc")
    parser.add_argument("--cache", type=Path, default=TARGET / "peers", metavar="DIR", help="default: target/peers")
    parser.add_argument("--venv", type=Path, metavar="DIR", help="the virtual environment (default: venv in the cache directory)")
    parser.add_argument("--raw", type=Path, metavar="FILE.jsonl", help="where raw results are added (default: results.jsonl in the cache directory)")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="write the table here as well")
    args = parser.parse_args()
    if not set(args.engines) <= set(ENGINES):
        parser.error(f"the engines are {', '.join(ENGINES)}")
    if not all(1 <= batch <= 8 for batch in args.batch):
        parser.error("a batch is of 1 to 8 images")
    if args.rounds < 1:
        parser.error("at least one round is needed")
    if "netc" in args.engines and not args.netc.exists():
        parser.error(f"{args.netc} is not there: run `cargo build --release`, or name another with --netc")
    args.netc = args.netc.resolve()
    args.venv = args.venv or args.cache / "venv"
    args.raw = args.raw or args.cache / "results.jsonl"
    return args


def cpu():
    """What the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    args = arguments()
    python = args.venv / "bin" / "python"
    if args.setup:
        venv.create(args.venv, with_pip=True)
        install = [python, "-m", "pip", "install"]
        subprocess.run([*install, "-r", HERE / "requirements.txt"], check=True)
        subprocess.run([*install, "--no-deps", "-r", HERE / "torch.txt"], check=True)
    elif not python.exists():
        sys.exit(f"{args.venv} is not there: give --setup to create it, or --venv")
    args.raw.parent.mkdir(parents=True, exist_ok=True)
    models = args.cache / "models"

    failed = []
    for net in args.nets:
        subprocess.run([python, HERE / "export.py", models, net], check=True)
        for batch in args.batch:
            for threads in args.threads:
                load = round(os.getloadavg()[0], 1)
                setting = f"{net}, batch {batch}, threads {threads}"
                try:
                    result = rounds.compare(python, args.engines, net, models / net, batch, threads, args.rounds, args.turn, args.netc)
                except (RuntimeError, OSError, ValueError) as failure:
                    failed.append(f"{setting}: {failure}")
                    print(failed[-1], file=sys.stderr, flush=True)
                    continue
                with args.raw.open("a") as raw:
                    raw.write(json.dumps({"cpu": cpu(), "load": load, **result}) + "\n")
                times = table.least(result)
                print(f"{setting}: " + ", ".join(f"{name} {min(ms):.2f} ms" for name, ms in times.items()), flush=True)
    settings = {(net, batch, threads) for net in args.nets for batch in args.batch for threads in args.threads}
    results = [r for r in table.read(args.raw) if (r["net"], r["batch"], r["threads"]) in settings] if args.raw.exists() else []
    text = table.markdown(results)
    print("\n" + text, end="")
    if args.write:
        args.write.write_text(text)
    sys.exit("\n".join(["", "these could not be compared:", *failed]) if failed else 0)


if __name__ == "__main__":
    main()
