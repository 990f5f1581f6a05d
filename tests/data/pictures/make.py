"""Makes the pictures of this directory and what Pillow and torchvision make of them, for the tests of netc's preprocessing.

    pip install pillow torch torchvision numpy safetensors
    python make.py
"""
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save_file
from torchvision import transforms as T

HERE = Path(__file__).resolve().parent
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
expected = {}


def main():
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:37, 0:53]
    waves = np.stack([np.sin(x / 5) * np.cos(y / 3), np.sin((x + y) / 4), np.cos(x * y / 90)], -1)
    rgb = np.clip(waves * 90 + 128 + rng.normal(0, 20, waves.shape), 0, 255).astype(np.uint8)
    Image.fromarray(rgb).save(HERE / "rgb.png")
    Image.fromarray(np.concatenate([rgb, (x * 4 % 256).astype(np.uint8)[..., None]], -1)).save(HERE / "rgba.png")
    Image.fromarray(rgb[..., 0]).save(HERE / "gray.png")
    Image.fromarray(rgb[..., 1].astype(np.uint16) * 257).save(HERE / "gray16.png")
    Image.fromarray(rgb).convert("P").save(HERE / "palette.png")
    Image.fromarray(rgb).save(HERE / "rgb.jpg", quality=92)

    picture = Image.open(HERE / "rgb.png")
    for name, size in {"down": (16, 20), "up": (80, 61), "rows": (9, 53), "columns": (37, 7), "one": (1, 1)}.items():
        resized = picture.resize(size[::-1], Image.Resampling.BILINEAR)
        expected[f"resize.{name}"] = np.ascontiguousarray(np.asarray(resized).transpose(2, 0, 1), dtype=np.float32)

    imagenet = T.Compose([T.Resize(24), T.CenterCrop(17), T.ToTensor(), T.Normalize(MEAN, STD)])
    for name in ["rgb.png", "rgba.png", "gray.png", "palette.png", "rgb.jpg"]:
        expected[f"imagenet.{name}"] = imagenet(Image.open(HERE / name).convert("RGB")).numpy()
    expected["small.rgb.png"] = T.Compose([T.Resize(12), T.CenterCrop(21), T.ToTensor()])(picture).numpy()
    expected["gray.rgb.png"] = T.Compose([T.Resize([8, 8]), T.ToTensor()])(picture.convert("L")).numpy()
    expected["bgr.rgb.png"] = np.ascontiguousarray(
        np.asarray(picture, dtype=np.float32)[:, :, ::-1].transpose(2, 0, 1) - np.float32([104, 117, 123])[:, None, None])
    save_file(expected, HERE / "expected.safetensors")


if __name__ == "__main__":
    main()
