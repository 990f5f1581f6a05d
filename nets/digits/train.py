"""Trains nets/digits/digits.net on the 8x8 digits that come with scikit-learn, and writes everything that lies beside this file:

    digits.safetensors    the weights, named as digits.net names them
    digits.yaml           the manifest: which net, how a picture becomes its input, what the classes are called
    heldout.safetensors   the held-out fifth: images (preprocessed), labels, logits (computed in 64 bits)
    images/0.png ...      one held-out digit of each class

    pip install torch numpy scikit-learn safetensors pillow
    python train.py       about a minute on one core

The seed, the split and the order are fixed and one thread computes, so a second run gives the same files on the same machine.
"""
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = Path(__file__).resolve().parent
MEAN, STD = 0.305, 0.376  # of the training part, values from 0 to 1
LABELS = "zero one two three four five six seven eight nine".split()
EPOCHS, BATCH = 60, 64


class Residual(nn.Module):
    def __init__(self, before, channels, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(before, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = None
        if stride != 1 or before != channels:
            self.downsample = nn.Sequential(nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Inception(nn.Module):
    def __init__(self, before, n1, r3, n3, r5, n5, proj):
        super().__init__()
        self.conv1 = nn.Conv2d(before, n1, 1)
        self.reduce3, self.conv3 = nn.Conv2d(before, r3, 1), nn.Conv2d(r3, n3, 3, padding=1)
        self.reduce5, self.conv5 = nn.Conv2d(before, r5, 1), nn.Conv2d(r5, n5, 5, padding=2)
        self.project = nn.Conv2d(before, proj, 1)

    def forward(self, x):
        return torch.cat([
            F.relu(self.conv1(x)),
            F.relu(self.conv3(F.relu(self.reduce3(x)))),
            F.relu(self.conv5(F.relu(self.reduce5(x)))),
            F.relu(self.project(F.max_pool2d(x, 3, 1, 1))),
        ], 1)


class Digits(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = Residual(16, 16)
        self.mixed = Inception(16, 8, 8, 16, 4, 8, 8)
        self.layer2 = Residual(40, 48, stride=2)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(48, 10)

    def forward(self, x):
        x = self.layer2(self.mixed(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.fc(self.dropout(x.mean((2, 3))))


def pictures():
    """The digits as 8-bit pictures (scikit-learn has 0 to 16), their classes, and what the net sees of them."""
    data = load_digits()
    bytes_ = np.rint(data.images * 255 / 16).astype(np.uint8)
    inputs = (bytes_.astype(np.float32) / np.float32(255) - np.float32(MEAN)) / np.float32(STD)
    return bytes_, data.target, torch.from_numpy(inputs[:, None])


def shifted(x, generator):
    """The batch moved by up to one pixel in each direction, the border filled with background."""
    dy, dx = torch.randint(0, 3, (2,), generator=generator).tolist()
    return F.pad(x, (1, 1, 1, 1), value=-MEAN / STD)[:, :, dy:dy + 8, dx:dx + 8]


def train(x, y):
    torch.manual_seed(7)
    generator = torch.Generator().manual_seed(7)
    net = Digits()
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.02)
    steps = EPOCHS * -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=8e-3, total_steps=steps)
    for epoch in range(EPOCHS):
        net.train()
        for batch in torch.randperm(len(x), generator=generator).split(BATCH):
            loss = F.cross_entropy(net(shifted(x[batch], generator)), y[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {loss.item():.4f}", flush=True)
    return net.eval()


def main():
    torch.set_num_threads(1)
    bytes_, target, x = pictures()
    y = torch.from_numpy(target)
    rest, held = train_test_split(np.arange(len(x)), test_size=0.2, random_state=0, stratify=target)

    net = train(x[rest], y[rest])
    weights = {k: v.float().contiguous() for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    save_file(weights, HERE / "digits.safetensors")

    with torch.no_grad():
        logits = net.double()(x[held].double())
    right = (logits.argmax(1) == y[held]).numpy()
    accuracy = right.mean()
    save_file({"images": x[held].contiguous(), "labels": y[held].contiguous(), "logits": logits.float().contiguous()},
              HERE / "heldout.safetensors")

    (HERE / "images").mkdir(exist_ok=True)
    for digit in range(10):
        first = held[(target[held] == digit) & right][0]
        Image.fromarray(bytes_[first]).save(HERE / "images" / f"{digit}.png")

    (HERE / "digits.yaml").write_text(f"""\
# Written by train.py.
net: digits.net:Digits
weights: digits.safetensors
image: {{resize: [8, 8], order: gray, mean: [{MEAN}], std: [{STD}]}}
labels: [{", ".join(LABELS)}]
heldout: {{images: heldout.safetensors, accuracy: {accuracy:.6f}}}
""")
    print(f"mean {x[rest].mean() * STD + MEAN:.3f}, deviation {x[rest].std() * STD:.3f} of the training pictures")
    print(f"held-out accuracy {right.sum()}/{len(right)} = {accuracy:.4f}")


if __name__ == "__main__":
    main()
