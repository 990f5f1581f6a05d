"""The same ten mistakes in a prototxt, a Darknet cfg, PyTorch and a .net, and what each tool answers.

    python mistakes.py --netc ../../target/release/netc --write ../../docs/comparison.md

Darknet is Debian's package (`apt-get install darknet`). Debian 12 has no Caffe, and PyPI's is an empty placeholder; OpenCV's reader of prototxt files
(`pip install "opencv-python-headless<5"`) stands in for it. PyTorch is what `import torch` finds, or the interpreter of `--torch-python`.
A tool that is absent is left out of the table, and the page says so.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PROTO = """name: "N"
input: "x"
input_shape { dim: 1 dim: %s }
"""


def proto(body, shape="3 dim: 16 dim: 16"):
    return PROTO % shape + body.strip() + "\n"


def cfg(body):
    return "[net]\nbatch=1\nwidth=16\nheight=16\nchannels=3\n\n" + body.strip() + "\n"


def torch(init, forward):
    return (
        "import torch\nfrom torch import nn\n\n\nclass N(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        + "".join(f"        {line}\n" for line in init.strip().split("\n"))
        + "\n    def forward(self, x):\n"
        + "".join(f"        {line}\n" for line in forward.strip().split("\n"))
        + "\n\nN()(torch.zeros(1, 3, 16, 16))\n"
    )


def net(body):
    lines = "".join(f"  {line}\n" for line in body.strip().split("\n"))
    return "net N {\n  input x: [3, 16, 16]\n" + lines + "}\n"


def pool(name, bottom, top, extra="stride: 1", kernel=3):
    return (
        f'layer {{ name: "{name}" type: "Pooling" bottom: "{bottom}" top: "{top}"\n'
        f"  pooling_param {{ pool: MAX kernel_size: {kernel} {extra} }} }}\n"
    )


MISTAKES = [
    (
        "No mistake",
        proto(pool("p", "x", "p")),
        cfg("[convolutional]\nfilters=8\nsize=3\nstride=1\npad=1\nactivation=relu\n"),
        torch("self.conv = nn.Conv2d(3, 8, 3)", "return self.conv(x)"),
        net("conv(8, 3x3)"),
    ),
    (
        "A layer's name misspelt",
        proto('layer { name: "r" type: "ReLu6x" bottom: "x" top: "r" }'),
        cfg("[convolutionl]\nfilters=8\nsize=3\n"),
        torch("self.conv = nn.Conv2d(3, 8, 3)\nself.relu = nn.Relu()", "return self.relu(self.conv(x))"),
        net("conv(8, 3x3) -> rleu"),
    ),
    (
        "An attribute's name misspelt",
        proto(pool("p", "x", "p", "strid: 2")),
        cfg("[convolutional]\nfilters=8\nsize=3\nstrid=2\nactivation=relu\n"),
        torch("self.conv = nn.Conv2d(3, 8, 3, strid=2)", "return self.conv(x)"),
        net("conv(8, 3x3, strid=2)"),
    ),
    (
        "The pad forgotten in a residual branch",
        proto(
            pool("a", "x", "a", "stride: 1 pad: 1")
            + pool("b", "a", "b")
            + 'layer { name: "s" type: "Eltwise" bottom: "a" bottom: "b" top: "s" }'
        ),
        cfg(
            "[convolutional]\nfilters=8\nsize=3\npad=1\nstride=1\nactivation=relu\n\n"
            "[convolutional]\nfilters=8\nsize=3\npad=0\nstride=1\nactivation=linear\n\n[shortcut]\nfrom=-2\nactivation=relu\n"
        ),
        torch(
            "self.a = nn.Conv2d(3, 8, 3, padding=1)\nself.b = nn.Conv2d(8, 8, 3)",
            "a = self.a(x)\nreturn a + self.b(a)",
        ),
        net("conv(8, 3x3, pad=1)\nresidual { conv(8, 3x3) }"),
    ),
    (
        "Groups that do not divide the channels",
        proto('layer { name: "s" type: "Slice" bottom: "x" top: "a" top: "b" }'),
        cfg("[convolutional]\nfilters=8\nsize=3\nstride=1\npad=1\ngroups=2\nactivation=relu\n"),
        torch("self.conv = nn.Conv2d(3, 8, 3, groups=2)", "return self.conv(x)"),
        net("conv(8, 3x3, groups=2)"),
    ),
    (
        "A window larger than its input",
        proto(pool("p", "x", "p", kernel=19)),
        cfg("[convolutional]\nfilters=8\nsize=19\nstride=1\npad=0\nactivation=relu\n"),
        torch("self.conv = nn.Conv2d(3, 8, 19)", "return self.conv(x)"),
        net("conv(8, 19x19)"),
    ),
    (
        "Branches of different height and width joined",
        proto(
            pool("a", "x", "a")
            + pool("b", "x", "b", kernel=1)
            + 'layer { name: "j" type: "Concat" bottom: "a" bottom: "b" top: "j" }'
        ),
        cfg(
            "[convolutional]\nfilters=8\nsize=3\nstride=1\npad=0\nactivation=relu\n\n[route]\nlayers=-1\n\n"
            "[convolutional]\nfilters=8\nsize=3\nstride=1\npad=0\nactivation=relu\n\n[route]\nlayers=-1,-3\n"
        ),
        torch(
            "self.a = nn.Conv2d(3, 8, 3)\nself.b = nn.Conv2d(3, 8, 1)",
            "return torch.cat([self.a(x), self.b(x)], dim=1)",
        ),
        net("concat {\n  conv(8, 3x3)\n  conv(8, 1x1)\n}"),
    ),
    (
        "A value that nobody made",
        proto(pool("p", "y", "p")),
        cfg("[convolutional]\nfilters=8\nsize=3\nstride=1\npad=1\nactivation=relu\n\n[route]\nlayers=-7\n"),
        torch("self.conv = nn.Conv2d(3, 8, 3)", "return self.conv(y)"),
        net("y -> conv(8, 3x3)"),
    ),
    (
        "A bracket not closed",
        proto('layer { name: "p" type: "Pooling" bottom: "x" top: "p"\n  pooling_param { kernel_size: 3 }'),
        cfg("[convolutional\nfilters=8\nsize=3\nstride=1\npad=1\nactivation=relu\n"),
        torch("self.conv = nn.Conv2d(3, 8, 3", "return self.conv(x)"),
        net("conv(8, 3x3"),
    ),
    (
        "A stride of zero",
        proto(pool("p", "x", "p", "stride: 0")),
        cfg("[convolutional]\nfilters=8\nsize=3\nstride=0\npad=1\nactivation=relu\n"),
        torch("self.conv = nn.Conv2d(3, 8, 3, stride=0)", "return self.conv(x)"),
        net("conv(8, 3x3, stride=0)"),
    ),
    (
        "A size written as a word",
        proto(pool("p", "x", "p", kernel="three")),
        cfg("[convolutional]\nfilters=eight\nsize=3\nstride=1\npad=1\nactivation=relu\n"),
        torch('self.conv = nn.Conv2d(3, "eight", 3)', "return self.conv(x)"),
        net('conv("eight", 3x3)'),
    ),
]

READ_PROTOTXT = """
import sys, cv2, numpy
net = cv2.dnn.readNetFromCaffe(sys.argv[1])
net.setInput(numpy.zeros((1, 3, 16, 16), numpy.float32), "x")
print("output", net.forward().shape)
"""


def run(command, directory):
    try:
        done = subprocess.run(
            command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=60
        )
    except subprocess.TimeoutExpired:
        return "(no answer within a minute)", None
    return done.stdout, done.returncode


def essence(tool, text, status):
    """The answer without what is not about the mistake: a traceback's inner frames, the tool's own banner, addresses, paths."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    if tool == "PyTorch":
        at = [line.strip() for line in lines if 'file.py", line' in line]
        return "\n".join(([at[-1]] if at else []) + lines[-1:])
    if tool == "Darknet":
        lines = [re.sub("^(layer .*output|.*Using default '.*?')", "", line) for line in lines]
        lines = [line for line in lines if line.strip() and "Floating Point" not in line]
    if tool == "OpenCV":
        lines = [line for line in lines if "ERROR" not in line and re.search("error:|output|libprotobuf|FATAL", line)]
    if tool == "netc":
        lines = [line for line in lines if not line.startswith("checked ")]
    text = "\n".join(lines[:14]) or "(nothing)"
    if status is not None and status < 0:
        text += f"\n(killed by signal {-status})"
    return text


def clean(text, directory):
    text = text.replace(str(directory) + "/", "")
    return re.sub(r"/[^ ]*/(?=[^/ ]+\.(cpp|py|cc)\b)", "", text)


def version(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--netc", required=True)
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--cv-python", default=sys.executable)
    parser.add_argument("--write", type=pathlib.Path)
    arguments = parser.parse_args()
    netc = str(pathlib.Path(arguments.netc).resolve())
    versions = {
        "OpenCV": version([arguments.cv_python, "-c", "import cv2; print(cv2.__version__)"]),
        "Darknet": shutil.which("darknet") and version(["dpkg-query", "-W", "-f", "${Version}", "darknet"]),
        "PyTorch": version([arguments.torch_python, "-c", "import torch; print(torch.__version__)"]),
        "netc": version([netc, "--version"]),
    }
    commands = {
        "OpenCV": [arguments.cv_python, "-c", READ_PROTOTXT, "file.prototxt"],
        "Darknet": ["darknet", "ops", "file.cfg"],
        "PyTorch": [arguments.torch_python, "file.py"],
        "netc": [netc, "check", "file.net"],
    }
    names = {"OpenCV": "prototxt", "Darknet": "cfg", "PyTorch": "py", "netc": "net"}
    answers = []
    with tempfile.TemporaryDirectory() as directory:
        for title, *sources in MISTAKES:
            row = []
            for tool, source in zip(names, sources):
                pathlib.Path(directory, f"file.{names[tool]}").write_text(source)
                if versions[tool]:
                    text, status = run(commands[tool], directory)
                    row.append((tool, source, clean(essence(tool, text, status), directory), status))
            answers.append((title, row))
    page = render(versions, answers)
    if arguments.write:
        arguments.write.write_text(page)
    else:
        print(page)


def verdict(status):
    if status is None:
        return "does not end"
    return "accepts" if status == 0 else "crashes" if status < 0 else "refuses"


def render(versions, answers):
    tools = [tool for tool, found in versions.items() if found]
    page = "# The same ten mistakes in four systems\n\n"
    page += "What each tool really answers, by `python tests/peers/mistakes.py`; long answers are cut, paths shortened, Python's inner frames left out.\n\n"
    page += "| tool | version | how it is asked |\n|---|---|---|\n"
    asked = {
        "OpenCV": "its reader of Caffe's prototxt, then one run",
        "Darknet": "`darknet ops file.cfg`, Debian's package: reads the file and lays out the net",
        "PyTorch": "the module is made and run once on zeros",
        "netc": "`netc check file.net`",
    }
    for tool, found in versions.items():
        page += f"| {tool} | {found or 'not installed here'} | {asked[tool]} |\n"
    page += "\nCaffe itself could not be run: Debian 12 has no package of it, and PyPI's `caffe` is an empty placeholder. OpenCV's reader understands the same format with code of its own. "
    page += "It wants trained weights for convolutions, so there the mistakes are made with pooling layers, and with a slice instead of groups.\n"
    page += "\n## In short\n\nWhether the tool refuses the mistake (exit status or exception), crashes, or goes on as if nothing were wrong:\n\n"
    page += "| mistake | " + " | ".join(tools) + " |\n|---|" + "---|" * len(tools) + "\n"
    for title, row in answers:
        page += f"| {title} | " + " | ".join(verdict(status) for *_, status in row) + " |\n"
    for index, (title, row) in enumerate(answers[1:], 1):
        page += f"\n## {index}. {title}\n"
        for tool, source, answer, status in row:
            kept = source.split("\n\n", 1)[1] if tool == "Darknet" else source
            if tool == "PyTorch":
                kept = "\n".join(line.strip() for line in source.split("\n") if line.startswith("        ") and "super()" not in line)
            page += f"\n{tool}:\n\n```\n{kept.strip()}\n```\n\n```text\n{answer}\n```\n"
    return page


if __name__ == "__main__":
    main()
