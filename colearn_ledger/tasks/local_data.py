"""Where published examples find their data: ``get_data``, for folders of this machine."""

from __future__ import annotations

import os

from ..errors import UsageError

__all__ = ["get_data"]


def get_data(data_dir: str | os.PathLike[str], download_to: str = "") -> str | os.PathLike[str]:
    """The folder that the data is in: a local path as it is, without its ``file://`` if it has one.

    Parameters
    ----------
    data_dir: where the data is.
    download_to: nothing is downloaded; the name is there for programs that give it.

    Raises UsageError for a cloud bucket (``gs://...``): nothing here reads one.
    """
    place = str(data_dir)
    if place.startswith("gs://"):
        raise UsageError(
            f"the data is in the cloud bucket {place}",
            expected="a folder of this machine",
            fix=f"copy it first: gcloud storage cp -r {place} {download_to or 'FOLDER'}",
        )
    return place.removeprefix("file://") if place.startswith("file://") else data_dir
