"""Writes networks for every engine: python export.py DIR NET...

For each network DIR/NET gets model.onnx (free batch), weights.safetensors (netc's and PyTorch's), input.npy (8 images of noise) and reference.npy (the output,
computed in 64 bits). What is there already is kept.
"""
import sys
import warnings
import zlib
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "peers"))
import models

IMAGES = 8


def peer(net):
    """The entry of the table in tests/peers/models.py."""
    found = [p for p in models.PEERS if p.net.split(":")[1] == net]
    if not found:
        sys.exit(f"no network is called {net}; there are: " + ", ".join(p.net.split(":")[1] for p in models.PEERS))
    return found[0]


class OneNode(torch.autograd.Function):
    """Local response normalisation as the one ONNX node that engines know it by, not the dozen that PyTorch makes of it."""

    @staticmethod
    def forward(ctx, x, alpha, k):
        return F.local_response_norm(x, 5, alpha, 0.75, k)

    @staticmethod
    def symbolic(graph, x, alpha, k):
        return graph.op("LRN", x, size_i=5, alpha_f=alpha, beta_f=0.75, bias_f=k).setType(x.type())


@torch.no_grad()
def export(net, directory):
    entry = peer(net)
    generator = torch.Generator().manual_seed(zlib.crc32(entry.net.encode()))
    module = entry.build().eval()
    models.randomize(module, entry.size, generator)
    x = torch.randn(IMAGES, 3, entry.size, entry.size, generator=generator)

    directory.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in module.state_dict().items() if not k.endswith("num_batches_tracked")}, directory / "weights.safetensors")
    np.save(directory / "input.npy", x.numpy())
    warnings.filterwarnings("ignore")  # the exporter's, of itself: that it is the older one, and what it does not fold
    with mock.patch.object(models.LRN, "forward", lambda layer, x: OneNode.apply(x, layer.alpha, layer.k)):
        torch.onnx.export(module, (x[:1],), str(directory / "model.onnx"), dynamo=False, opset_version=17, input_names=["input"], output_names=["output"],
                          dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}})
    module.double()
    reference = torch.cat([module(image.double()) for image in x.split(1)])  # one by one: 64 bits need memory
    np.save(directory / "reference.npy", reference.numpy())  # last: with it the directory is complete


if __name__ == "__main__":
    for net in sys.argv[2:]:
        directory = Path(sys.argv[1]) / net
        if not (directory / "reference.npy").exists():
            print(f"exporting {net}", flush=True)
            export(net, directory)
