#!/usr/bin/env python3
"""How far netc's outputs are from those in 64 bits, for each family of vectors, with --precise and without.

    cargo build --release
    python3 benches/peers/run.py --setup --nets ResNet18                # once, for the virtual environment
    target/peers/venv/bin/python benches/peers/accuracy.py --write docs/accuracy.md

The error is max |output - reference| / max |reference| over the 8 images of noise that run.py exports with a network, the reference computed in 64 bits by PyTorch.
Ends with status 1 if one exceeds its limit.
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import export
from run import TARGET, words
from targets import TARGETS

NETS = TARGET.parent / "nets"
ISAS = ("zen4", "avx512", "avx2", "clif128")
LIMITS = {"precise": 5e-6, "fast": 5e-5}

HEAD = """# How accurate outputs are

Made by `benches/peers/accuracy.py`: max |output - reference| / max |reference| over 8 images of noise, random weights, the reference computed in 64 bits.
*Precise* is with `--precise`, where at most {precise:.0e} is promised; *fast* is without, and at most {fast:.0e}.
"""

FOOT = """
These are errors where inputs are of one size. Where they are not, three rules hold, without `--precise` too:

- A value affects the results whose windows contain it, and no others: an infinity, a NaN, or a fill value such as -9999 or 1e20 at one pixel leaves the results
  around it as accurate as those of ordinary inputs. [kernels.md](kernels.md#values-stay-in-their-windows) says how.
- Inputs that are zero, tiny or huge everywhere cost time and not accuracy.
- An error is small beside the results of its neighbourhood. It need not be small beside a single result that is much smaller than those.
"""


def error(netc, net, directory, isa, mode):
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "y.npy"
        options = ["--precise"] if mode == "precise" else []
        subprocess.run([netc, "run", str(NETS / export.peer(net).net), "--weights", str(directory / "weights.safetensors"), "--isa", isa, *options,
                        "--output", str(output), str(directory / "input.npy")], check=True)
        y, reference = np.load(output), np.load(directory / "reference.npy")
    return float(np.abs(y - reference).max() / np.abs(reference).max())


def row(cells):
    return "| " + " | ".join(cells) + " |\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", type=words, default=list(TARGETS), metavar="NET,...", help="default: all that run.py compares")
    parser.add_argument("--isas", type=words, default=list(ISAS), metavar="NAME,...", help=f"default: {','.join(ISAS)}")
    parser.add_argument("--netc", type=Path, default=TARGET / "release" / "netc", metavar="PATH", help="default: target/release/netc")
    parser.add_argument("--cache", type=Path, default=TARGET / "peers", metavar="DIR", help="default: target/peers")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="write the table here as well")
    args = parser.parse_args()

    columns = [(mode, isa) for mode in LIMITS for isa in args.isas]
    text = row(["net", *(f"{mode}, {isa}" for mode, isa in columns)]) + row(["---", *["---:"] * len(columns)])
    print(text, end="", flush=True)
    exceeded = False
    for net in args.nets:
        directory = args.cache / "models" / net
        if not (directory / "reference.npy").exists():
            export.export(net, directory)
        errors = [error(args.netc.resolve(), net, directory, isa, mode) for mode, isa in columns]
        exceeded |= any(not e <= LIMITS[mode] for e, (mode, _) in zip(errors, columns))
        line = row([net, *(f"{e:.1e}" for e in errors)])
        print(line, end="", flush=True)
        text += line
    if args.write:
        args.write.write_text(HEAD.format(**LIMITS) + "\n" + text + FOOT)
    sys.exit(exceeded)


if __name__ == "__main__":
    main()
