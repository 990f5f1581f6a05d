"""Compares netc with PyTorch on every network of nets/.

    python compare.py --netc ../../target/release/netc                 # all; needs about 3 GB of memory
    python compare.py --netc ... --only ResNet50                       # this one, or all whose FILE:NET contains the text
    python compare.py --netc ... --write ../../docs/peers.md           # keeps the table

Each network gets random weights and perturbed batch-norm statistics; two random pictures go through PyTorch in 64 bits, and through
`netc run` with the same weights. The error is max |netc - PyTorch| / max |PyTorch| of the worst output, and may be 1e-4.
The column "PyTorch f32" is the same error of PyTorch's own 32-bit run. `netc summary` must state PyTorch's totals.
"""
import argparse
import json
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from safetensors.torch import save_file

import models

NETS = Path(__file__).resolve().parents[2] / "nets"
LIMIT = 1e-4
HEAD = ("| net | parameters | MACs | error | PyTorch f32 | |", "|---|---:|---:|---:|---:|---|")


@torch.no_grad()
def run(net, x):
    """Outputs by name; a single one is called "output"."""
    parts = [net(picture) for picture in x.split(1)]  # one by one: 64 bits need memory
    if not isinstance(parts[0], dict):
        parts = [{"output": y} for y in parts]
    return {name: torch.cat([p[name] for p in parts]).numpy() for name in parts[0]}


def error(outputs, reference):
    """The greatest relative error over all outputs."""
    if set(outputs) != set(reference):
        raise ValueError(f"outputs {sorted(outputs)}, expected {sorted(reference)}")
    worst = 0.0
    for name, y in reference.items():
        if outputs[name].shape != y.shape:
            raise ValueError(f"output {name} has shape {outputs[name].shape}, expected {y.shape}")
        e = float(np.abs(outputs[name] - y).max() / np.abs(y).max())
        worst = e if not e <= worst else worst  # NaN stays
    return worst


def netc(args, *command):
    done = subprocess.run([args.netc, *map(str, command)], capture_output=True, text=True, timeout=args.timeout)
    if done.returncode:
        raise ValueError(f"netc {command[0]} ended with {done.returncode}: {done.stderr.strip()[:2000]}")
    return done.stdout


def compare(peer, args, directory):
    """One row of the table, and what went wrong."""
    generator = torch.Generator().manual_seed(zlib.crc32(peer.net.encode()))
    net = peer.build().eval()
    models.randomize(net, peer.size, generator)
    expected = models.totals(net, peer.size)
    x = torch.randn(2, 3, peer.size, peer.size, generator=generator)

    weights, input_, output = directory / "weights.safetensors", directory / "input.npy", directory / "output.npy"
    save_file({k: v.contiguous() for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}, weights)
    np.save(input_, x.numpy())
    single = run(net, x)
    reference = run(net.double(), x.double())
    del net
    own = error(single, reference)
    several = len(reference) > 1
    if several:
        output = directory / "output.safetensors"

    problems, e = [], float("nan")
    where = f"{NETS / peer.net}"
    try:
        summary = json.loads(netc(args, "summary", where, "--format", "json"))
        problems += [f"{key} {summary.get(key)}, expected {value}" for key, value in expected.items() if summary.get(key) != value]
        netc(args, "run", where, "--weights", weights, input_, "--output", output, "--threads", args.threads)
        e = error(load_file(output) if several else {"output": np.load(output)}, reference)
        if not e <= LIMIT:
            problems.append(f"error {e:.1e}")
    except (ValueError, OSError, subprocess.TimeoutExpired) as failure:
        problems.append(str(failure))
    verdict = "ok" if not problems else "**differs**"
    file, name = peer.net.split(":")
    row = f"| {name} ({file}) | {expected['params']:,} | {expected['macs']:,} | {e:.1e} | {own:.1e} | {verdict} |"
    return row, problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netc", required=True, metavar="PATH", help="the netc program")
    parser.add_argument("--only", default="", metavar="TEXT", help="only this net, or all whose FILE:NET contains the text")
    parser.add_argument("--threads", type=int, default=2, help="of netc (default: 2)")
    parser.add_argument("--timeout", type=int, default=900, metavar="SECONDS", help="for one run of netc (default: 900)")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="write the table here as well")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where weights go meanwhile (default: the system's temporary directory)")
    args = parser.parse_args()

    peers = [p for p in models.PEERS if p.net.split(":")[1] == args.only] or [p for p in models.PEERS if args.only in p.net]
    if not peers:
        sys.exit(f"no net contains {args.only!r}; there are:\n" + "\n".join(p.net for p in models.PEERS))
    rows, failed = [], 0
    print("\n".join(HEAD), flush=True)
    for peer in peers:
        with tempfile.TemporaryDirectory(dir=args.cache) as directory:
            row, problems = compare(peer, args, Path(directory))
        print(row, flush=True)
        for problem in problems:
            print(f"{peer.net}: {problem}", file=sys.stderr, flush=True)
        rows.append(row)
        failed += bool(problems)
    verdict = f"{len(peers) - failed} of {len(peers)} networks agree with PyTorch {torch.__version__.split('+')[0]} to {LIMIT:g}."
    print(f"\n{verdict}")
    if args.write:
        text = "Made by `tests/peers/compare.py`: random weights, perturbed batch-norm statistics, batch 2. " \
               "Errors are max |difference| / max |reference|, the reference computed in 64 bits."
        args.write.write_text("\n".join(["# netc against PyTorch", "", verdict, text, "", *HEAD, *rows]) + "\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
