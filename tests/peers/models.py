"""The networks of nets/ that torchvision does not have, in PyTorch, with the parameter names that netc gives them; and the table of all.

Every network returns one tensor, or a dict of outputs by name.
"""
from dataclasses import dataclass
from typing import Callable

import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision.models as tv


class LRN(nn.Module):
    def __init__(self, alpha=1e-4, k=1.0):
        super().__init__()
        self.alpha, self.k = alpha, k

    def forward(self, x):
        return F.local_response_norm(x, 5, self.alpha, 0.75, self.k)


KRIZHEVSKY = dict(alpha=5e-4, k=2.0)


# ---- before residuals ----

class AlexNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 11, 4)
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)
        self.fc6, self.fc7, self.fc8 = nn.Linear(9216, 4096), nn.Linear(4096, 4096), nn.Linear(4096, 1000)
        self.lrn = LRN(**KRIZHEVSKY)

    def forward(self, x):
        x = F.max_pool2d(self.lrn(self.conv1(x).relu()), 3, 2)
        x = F.max_pool2d(self.lrn(self.conv2(x).relu()), 3, 2)
        x = self.conv5(self.conv4(self.conv3(x).relu()).relu()).relu()
        x = F.max_pool2d(x, 3, 2).flatten(1)
        return self.fc8(self.fc7(self.fc6(x).relu()).relu()).softmax(1)


class ZFNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 7, 2, 1)
        self.conv2 = nn.Conv2d(96, 256, 5, 2)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1)
        self.fc6, self.fc7, self.fc8 = nn.Linear(9216, 4096), nn.Linear(4096, 4096), nn.Linear(4096, 1000)
        self.lrn = LRN(**KRIZHEVSKY)

    def forward(self, x):
        x = self.lrn(F.max_pool2d(self.conv1(x).relu(), 3, 2, ceil_mode=True))
        x = self.lrn(F.max_pool2d(self.conv2(x).relu(), 3, 2, ceil_mode=True))
        x = self.conv5(self.conv4(self.conv3(x).relu()).relu()).relu()
        x = F.max_pool2d(x, 3, 2).flatten(1)
        return self.fc8(self.fc7(self.fc6(x).relu()).relu()).softmax(1)


class VGG(nn.Module):
    """The columns of the paper's table 1 that torchvision leaves out. `table` has one (channels, kernel) for each convolution, or "lrn", "pool"."""

    def __init__(self, table):
        super().__init__()
        layers, channels = [], 3
        for entry in table:
            if entry == "pool":
                layers.append(nn.MaxPool2d(2))
            elif entry == "lrn":
                layers.append(LRN(**KRIZHEVSKY))
            else:
                layers += [nn.Conv2d(channels, entry[0], entry[1], padding=entry[1] // 2), nn.ReLU()]
                channels = entry[0]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Linear(25088, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 1000))

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


VGG_A_LRN = [(64, 3), "lrn", "pool", (128, 3), "pool", (256, 3), (256, 3), "pool", (512, 3), (512, 3), "pool", (512, 3), (512, 3), "pool"]
VGG_C = [(64, 3), (64, 3), "pool", (128, 3), (128, 3), "pool", (256, 3), (256, 3), (256, 1), "pool",
         (512, 3), (512, 3), (512, 1), "pool", (512, 3), (512, 3), (512, 1), "pool"]


class Inception(nn.Module):
    def __init__(self, before, n1, r3, n3, r5, n5, proj):
        super().__init__()
        self.conv1 = nn.Conv2d(before, n1, 1)
        self.reduce3, self.conv3 = nn.Conv2d(before, r3, 1), nn.Conv2d(r3, n3, 3, padding=1)
        self.reduce5, self.conv5 = nn.Conv2d(before, r5, 1), nn.Conv2d(r5, n5, 5, padding=2)
        self.project = nn.Conv2d(before, proj, 1)

    def forward(self, x):
        return torch.cat([self.conv1(x), self.conv3(self.reduce3(x).relu()), self.conv5(self.reduce5(x).relu()),
                          self.project(F.max_pool2d(x, 3, 1, 1))], 1).relu()


class Auxiliary(nn.Module):
    def __init__(self, before):
        super().__init__()
        self.conv, self.fc1, self.fc2 = nn.Conv2d(before, 128, 1), nn.Linear(2048, 1024), nn.Linear(1024, 1000)

    def forward(self, x):
        return self.fc2(self.fc1(self.conv(F.avg_pool2d(x, 5, 3)).relu().flatten(1)).relu()).softmax(1)


class GoogLeNet(nn.Module):
    def __init__(self, heads=False):
        super().__init__()
        self.conv1, self.reduce2, self.conv2 = nn.Conv2d(3, 64, 7, 2, 3), nn.Conv2d(64, 64, 1), nn.Conv2d(64, 192, 3, padding=1)
        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128)
        if heads:
            self.aux1, self.aux2 = Auxiliary(512), Auxiliary(528)
        self.fc = nn.Linear(1024, 1000)
        self.heads, self.lrn = heads, LRN()

    def forward(self, x):
        outputs = {}
        pool = lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True)
        x = self.lrn(pool(self.conv1(x).relu()))
        x = pool(self.lrn(self.conv2(self.reduce2(x).relu()).relu()))
        x = self.inception4a(pool(self.inception3b(self.inception3a(x))))
        if self.heads:
            outputs["auxiliary1"] = self.aux1(x)
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        if self.heads:
            outputs["auxiliary2"] = self.aux2(x)
        x = self.inception5b(self.inception5a(pool(self.inception4e(x))))
        outputs["probability"] = self.fc(x.mean((2, 3))).softmax(1)
        return outputs if self.heads else outputs["probability"]


def googlenet_with_heads():
    """torchvision's, evaluated with its heads: by itself it runs them only while training."""
    net = tv.googlenet(weights=None, init_weights=False)
    heads = {}
    net.inception4a.register_forward_hook(lambda m, x, y: heads.update(aux_logits1=net.aux1(y)))
    net.inception4d.register_forward_hook(lambda m, x, y: heads.update(aux_logits2=net.aux2(y)))
    net.fc.register_forward_hook(lambda m, x, y: {**heads, "logits": y})
    return net


# ---- residuals ----

class Plain(nn.Module):
    def __init__(self, before, planes, stride=1):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(before, planes, 3, stride, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False), nn.BatchNorm2d(planes)

    def forward(self, x):
        return self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())).relu()


class SqueezeExcitation(nn.Module):
    def __init__(self, channels, reduction):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, channels // reduction, 1), nn.Conv2d(channels // reduction, channels, 1)

    def forward(self, x):
        return x * self.fc2(self.fc1(x.mean((2, 3), keepdim=True)).relu()).sigmoid()


class BottleneckV1(nn.Module):
    """The bottleneck of 2015, stride in the first 1x1; with squeeze and excitation if `reduction` is given."""

    def __init__(self, before, planes, stride=1, reduction=None):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(before, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv3, self.bn3 = nn.Conv2d(planes, 4 * planes, 1, bias=False), nn.BatchNorm2d(4 * planes)
        if reduction:
            self.se = SqueezeExcitation(4 * planes, reduction)
        if stride != 1 or before != 4 * planes:
            self.downsample = nn.Sequential(nn.Conv2d(before, 4 * planes, 1, stride, bias=False), nn.BatchNorm2d(4 * planes))

    def forward(self, x):
        y = self.bn3(self.conv3(self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())).relu()))
        y = self.se(y) if hasattr(self, "se") else y
        return (y + (self.downsample(x) if hasattr(self, "downsample") else x)).relu()


class ResNetOf(nn.Module):
    """ResNet with another unit in its stages. `unit(before, planes, stride)`."""

    def __init__(self, unit, depths, expansion):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        before = 64
        for i, depth in enumerate(depths):
            planes, units = 64 << i, []
            for j in range(depth):
                units.append(unit(before, planes, 2 if i > 0 and j == 0 else 1))
                before = planes * expansion
            setattr(self, f"layer{i + 1}", nn.Sequential(*units))
        self.fc = nn.Linear(before, 1000)

    def forward(self, x):
        x = F.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, 2, 1)
        return self.fc(self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3)))


class BasicBlockA(nn.Module):
    def __init__(self, before, planes, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(before, planes, 3, stride, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False), nn.BatchNorm2d(planes)
        self.stride, self.missing = stride, planes - before

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        zeros = self.missing // 2
        return (y + F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, zeros, self.missing - zeros))).relu()


class CifarResNet(nn.Module):
    def __init__(self, depth):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        before = 16
        for i in range(3):
            planes, units = 16 << i, []
            for j in range((depth - 2) // 6):
                units.append(BasicBlockA(before, planes, 2 if i > 0 and j == 0 else 1))
                before = planes
            setattr(self, f"layer{i + 1}", nn.Sequential(*units))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.layer3(self.layer2(self.layer1(self.bn1(self.conv1(x)).relu()))).mean((2, 3)))


class PreBottleneck(nn.Module):
    """The first of a stage projects from the pre-activation that the branch gets too."""

    def __init__(self, before, planes, stride1, stride3, first):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(before), nn.Conv2d(before, planes, 1, stride1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(planes), nn.Conv2d(planes, planes, 3, stride3, 1, bias=False)
        self.bn3, self.conv3 = nn.BatchNorm2d(planes), nn.Conv2d(planes, 4 * planes, 1, bias=False)
        if first:
            self.downsample = nn.Conv2d(before, 4 * planes, 1, stride1 * stride3, bias=False)

    def forward(self, x):
        a = self.bn1(x).relu()
        y = self.conv3(self.bn3(self.conv2(self.bn2(self.conv1(a)).relu())).relu())
        return y + (self.downsample(a) if hasattr(self, "downsample") else x)


class PreResNet(nn.Module):
    def __init__(self, depths, width, imagenet=False):
        super().__init__()
        self.imagenet, self.depths = imagenet, depths
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False) if imagenet else nn.Conv2d(3, width, 3, 1, 1, bias=False)
        before = width
        for i, depth in enumerate(depths):
            planes, units = width << i, []
            for j in range(depth):
                stride = 2 if i > 0 and j == 0 else 1
                units.append(PreBottleneck(before, planes, *((1, stride) if imagenet else (stride, 1)), first=j == 0))
                before = 4 * planes
            setattr(self, f"layer{i + 1}", nn.Sequential(*units))
        self.bn, self.fc = nn.BatchNorm2d(before), nn.Linear(before, 1000 if imagenet else 10)

    def forward(self, x):
        x = self.conv1(x)
        if self.imagenet:
            x = F.max_pool2d(x, 3, 2, 1)
        for i in range(len(self.depths)):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.fc(self.bn(x).relu().mean((2, 3)))


# ---- the table ----

@dataclass
class Peer:
    net: str        # FILE:NET, the file relative to nets/
    build: Callable[[], nn.Module]
    size: int = 224


def vision(name, **kw):
    return lambda: getattr(tv, name)(weights=None, **kw)


PEERS = [
    Peer("alexnet.net:AlexNet", AlexNet, 227),
    Peer("alexnet.net:AlexNetTorchvision", vision("alexnet")),
    Peer("zfnet.net:ZFNet", ZFNet),
    Peer("vgg.net:VGG_A", vision("vgg11", init_weights=False)),
    Peer("vgg.net:VGG_A_LRN", lambda: VGG(VGG_A_LRN)),
    Peer("vgg.net:VGG_B", vision("vgg13", init_weights=False)),
    Peer("vgg.net:VGG_C", lambda: VGG(VGG_C)),
    Peer("vgg.net:VGG_D", vision("vgg16", init_weights=False)),
    Peer("vgg.net:VGG_E", vision("vgg19", init_weights=False)),
    *(Peer(f"vgg_bn.net:VGG{n}_BN", vision(f"vgg{n}_bn", init_weights=False)) for n in (11, 13, 16, 19)),
    Peer("googlenet.net:GoogLeNet", GoogLeNet),
    Peer("googlenet.net:GoogLeNetTrain", lambda: GoogLeNet(heads=True)),
    Peer("googlenet_torchvision.net:GoogLeNetTorchvision", vision("googlenet", aux_logits=False, init_weights=False)),
    Peer("googlenet_torchvision.net:GoogLeNetTorchvisionTrain", googlenet_with_heads),
    *(Peer(f"resnet.net:ResNet{n}", vision(f"resnet{n}")) for n in (18, 34, 50, 101, 152)),
    Peer("resnet_variants.net:Plain34", lambda: ResNetOf(Plain, (3, 4, 6, 3), 1)),
    Peer("resnet_variants.net:ResNet50V1", lambda: ResNetOf(BottleneckV1, (3, 4, 6, 3), 4)),
    Peer("resnet_variants.net:ResNeXt50_32x4d", vision("resnext50_32x4d")),
    Peer("resnet_variants.net:WideResNet50_2", vision("wide_resnet50_2")),
    Peer("resnet_variants.net:SEResNet50", lambda: ResNetOf(lambda *a: BottleneckV1(*a, reduction=16), (3, 4, 6, 3), 4)),
    *(Peer(f"resnet_cifar.net:ResNet{n}", lambda n=n: CifarResNet(n), 32) for n in (20, 32, 44, 56, 110, 1202)),
    *(Peer(f"preresnet.net:PreResNet{n}", lambda n=n: PreResNet([(n - 2) // 9] * 3, 16), 32) for n in (164, 1001)),
    Peer("preresnet.net:PreResNet200", lambda: PreResNet((3, 24, 36, 3), 64, imagenet=True)),
    Peer("mobilenet_v2.net:MobileNetV2", vision("mobilenet_v2")),
    Peer("densenet.net:DenseNet121", vision("densenet121")),
]


def last_of_branch(module):
    """The layer at the end of a residual branch, if the module is a residual block."""
    names = {"BasicBlock": "bn2", "Bottleneck": "bn3", "BottleneckV1": "bn3", "BasicBlockA": "bn2", "PreBottleneck": "conv3"}
    if type(module).__name__ == "InvertedResidual":
        return module.conv[-1]
    return getattr(module, names[type(module).__name__]) if type(module).__name__ in names else None


@torch.no_grad()
def randomize(net, size, generator):
    """Random weights with which every part of the net shows in the output: He-normal, biases too, batch-norm statistics the true ones strongly
    perturbed. Residual branches are damped, and relus kept half open by their bias: else a deep net amplifies the rounding of its first layer a thousandfold."""
    def uniform(n):
        return torch.rand(n, generator=generator) + 0.5

    def normal(shape, deviation):
        return torch.randn(shape, generator=generator) * deviation

    damped = {layer for layer in map(last_of_branch, net.modules()) if layer is not None}

    def set_statistics(layer, args):
        (x,), n = args, layer.num_features
        variance, mean = torch.var_mean(x, (0, 2, 3))
        variance += 1e-3
        layer.running_mean.copy_(mean + normal(n, 0.1) * variance.sqrt())
        layer.running_var.copy_(variance * uniform(n))
        layer.weight.copy_(uniform(n) * (0.25 if layer in damped else 1))
        layer.bias.copy_(normal(n, 0.1) + (0 if layer in damped else 0.5))

    hooks = []
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            deviation = (2 / layer.weight[0].numel()) ** 0.5
            layer.weight.copy_(normal(layer.weight.shape, deviation * (0.25 if layer in damped else 1)))
            if layer.bias is not None:
                layer.bias.copy_(normal(layer.bias.shape, 0.1))
        elif isinstance(layer, nn.BatchNorm2d):
            hooks.append(layer.register_forward_pre_hook(set_statistics))
    if hooks:
        net(torch.randn(4, 3, size, size, generator=generator))
    for hook in hooks:
        hook.remove()


@torch.no_grad()
def totals(net, size):
    """Learned parameters, buffers and multiply-accumulates of convolutions and dense layers, for one picture."""
    macs, hooks = 0, []

    def add(layer, _, y):
        nonlocal macs
        macs += layer.weight[0].numel() * y[0].numel()

    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            hooks.append(layer.register_forward_hook(add, prepend=True))
    net(torch.zeros(1, 3, size, size))
    for hook in hooks:
        hook.remove()
    buffers = sum(t.numel() for name, t in net.named_buffers() if not name.endswith("num_batches_tracked"))
    return {"params": sum(t.numel() for t in net.parameters()), "buffers": buffers, "macs": macs}
