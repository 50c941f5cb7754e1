"""Cuts the small files of this folder out of the whole data sets: ``python tests/data/cut.py FOLDER``.

The folder has credit_default.csv.gz, pneumoniamnist.npz, and Fashion-MNIST's four ``*-ubyte.gz`` files.
"""

from __future__ import annotations

import gzip
import struct
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
CLIENTS, X_RAYS, CLOTHES = 1500, 320, 400


def rows(count: int, of: int) -> np.ndarray:
    return np.sort(np.random.default_rng(0).choice(of, count, replace=False))


def write_gz(path: Path, data: bytes) -> None:
    """The same bytes on any day, so that a new cut of old data changes nothing."""
    path.write_bytes(gzip.compress(data, mtime=0))


def cut_clients(folder: Path) -> None:
    header, *lines = gzip.decompress((folder / "credit_default.csv.gz").read_bytes()).decode().splitlines()
    text = "\n".join([header, *(lines[i] for i in rows(CLIENTS, len(lines)))]) + "\n"
    write_gz(HERE / "credit_default" / "credit_default.csv.gz", text.encode())


def cut_x_rays(folder: Path) -> None:
    arrays = {}
    with np.load(folder / "pneumoniamnist.npz", allow_pickle=False) as whole:
        for part, share in (("train", 0.8), ("val", 0.1), ("test", 0.1)):
            chosen = rows(round(X_RAYS * share), len(whole[f"x_{part}"]))
            arrays |= {f"{name}_{part}": whole[f"{name}_{part}"][chosen] for name in "xy"}
    (HERE / "pneumonia").mkdir(exist_ok=True)
    np.savez_compressed(HERE / "pneumonia" / "pneumoniamnist.npz", **arrays)


def cut_clothes(folder: Path) -> None:
    for part, count in (("train", CLOTHES * 3 // 4), ("t10k", CLOTHES // 4)):
        for kind, head in (("images-idx3", 16), ("labels-idx1", 8)):
            data = gzip.decompress((folder / f"{part}-{kind}-ubyte.gz").read_bytes())
            magic, whole, *shape = struct.unpack(f">{head // 4}I", data[:head])
            size = int(np.prod(shape, dtype=int))
            items = np.frombuffer(data, np.uint8, offset=head).reshape(whole, size)[rows(count, whole)]
            new = struct.pack(f">{head // 4}I", magic, count, *shape) + items.tobytes()
            write_gz(HERE / "fashion" / f"{part}-{kind}-ubyte.gz", new)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for name in ("credit_default", "pneumonia", "fashion"):
        (HERE / name).mkdir(exist_ok=True)
    cut_clients(Path(sys.argv[1]))
    cut_x_rays(Path(sys.argv[1]))
    cut_clothes(Path(sys.argv[1]))
