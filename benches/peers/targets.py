"""The networks that are compared, and what netc is to reach: its time over the best peer's, by batch."""

TARGETS = {
    **dict.fromkeys(("VGG_A", "VGG_D", "VGG_E", "ResNet18", "ResNet34"), 0.55),
    **dict.fromkeys(("ResNet50", "ResNet101", "ResNet152", "GoogLeNet", "GoogLeNetTorchvision", "ResNet110", "PreResNet1001"), 0.75),
    **dict.fromkeys(("AlexNet", "AlexNetTorchvision", "ZFNet"), {1: 0.80, 8: 0.70}),
    **dict.fromkeys(("MobileNetV2", "DenseNet121"), 0.95),
}


def target(net, batch):
    """The greatest ratio that will do; None where nothing is promised."""
    value = TARGETS.get(net)
    return value.get(batch) if isinstance(value, dict) else value
