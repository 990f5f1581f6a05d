"""One engine with one network, which is timed on request: python engines.py ENGINE NET DIR BATCH THREADS [NETC]

The protocol is that of `netc bench --serve`: a line of JSON when ready, then for every line read, a number of seconds, {"ms": [times]}. The line when ready
holds `error` too, max |output - reference| / max |reference|, and the engine's `version`. For netc this process compares and then becomes netc's own.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

WARM_UPS = 2


def onnxruntime(directory, net, x, threads):
    import onnxruntime as ort
    yield ort.__version__
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_free_dimension_override_by_name("batch", len(x))
    session = ort.InferenceSession(directory / "model.onnx", options, providers=["CPUExecutionProvider"])
    yield lambda: session.run(None, {"input": x})[0]


def openvino(directory, net, x, threads):
    import openvino as ov
    yield ov.__version__.split("-")[0]
    model = ov.Core().read_model(directory / "model.onnx")
    model.reshape(list(x.shape))
    request = ov.compile_model(model, "CPU", {
        "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads,
    }).create_infer_request()
    request.set_input_tensor(ov.Tensor(x))

    def run():
        request.infer()
        return request.get_output_tensor().data
    yield run


def torch_eager(directory, net, x, threads):
    import torch
    from safetensors.torch import load_file
    from export import peer
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    torch.set_grad_enabled(False)
    yield torch.__version__
    module = peer(net).build().eval()
    module.load_state_dict(load_file(directory / "weights.safetensors"), strict=False)  # without num_batches_tracked

    def running(layout):
        image = torch.from_numpy(x).to(memory_format=layout)
        return lambda: module.to(memory_format=layout)(image).numpy()

    def seconds(layout):
        run = running(layout)
        run()  # converts the weights
        return timed(run)
    yield running(min((torch.channels_last, torch.contiguous_format), key=seconds))


ENGINES = {"ort": onnxruntime, "ov-f32": openvino, "torch-eager": torch_eager}


def timed(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def peak_memory():
    """In MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def say(**values):
    print(json.dumps(values), flush=True)


def error(y, directory, batch):
    reference = np.load(directory / "reference.npy")[:batch]
    if y.shape != reference.shape:
        sys.exit(f"the output has shape {y.shape}, expected {reference.shape}")
    return float(np.abs(y - reference).max() / np.abs(reference).max())


def serve(engine, net, directory, batch, threads):
    x = np.ascontiguousarray(np.load(directory / "input.npy")[:batch])
    stages = engine(directory, net, x, threads)
    version, base = next(stages), peak_memory()
    start = time.perf_counter()
    run = next(stages)
    create_ms = round(1e3 * (time.perf_counter() - start), 1)
    for _ in range(WARM_UPS):
        y = run()
    peak = peak_memory()
    say(ready=True, version=version, create_ms=create_ms, peak_rss_mb=peak, base_rss_mb=base, error=error(y, directory, batch))
    for line in sys.stdin:
        end, times = time.perf_counter() + float(line), []
        while not times or time.perf_counter() < end:
            times.append(round(1e3 * timed(run), 4))
        say(ms=times)


def become_netc(netc, net, directory, batch, threads):
    from export import peer
    target = Path(__file__).resolve().parents[2] / "nets" / peer(net).net
    rest = [str(target), "--weights", str(directory / "weights.safetensors"), "--threads", str(threads)]
    with tempfile.TemporaryDirectory() as scratch:
        x, y = Path(scratch) / "x.npy", Path(scratch) / "y.npy"
        np.save(x, np.load(directory / "input.npy")[:batch])
        subprocess.run([netc, "run", *rest, "--output", str(y), str(x)], check=True)
        e = error(np.load(y), directory, batch)
    version = subprocess.run([netc, "--version"], check=True, capture_output=True, text=True).stdout.split()[-1]
    say(version=version, error=e)
    os.execv(netc, [netc, "bench", *rest, "--serve", "--input", str(directory / "input.npy"), "--batch", str(batch)])


if __name__ == "__main__":
    name, net, directory, batch, threads = sys.argv[1:6]
    setting = net, Path(directory), int(batch), int(threads)
    if name == "netc":
        become_netc(sys.argv[6], *setting)
    serve(ENGINES[name], *setting)
