"""Make this checkout importable in the running virtual environment, and its programs runnable, without a build.

What is edited is what runs. There is no package metadata, so ``colearn_ledger.__version__`` is the version.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def programs() -> dict[str, tuple[str, str]]:
    """Names, modules and functions of [project.scripts]; Python 3.10 has no TOML reader, and the section is plain."""
    section = (
        (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[project.scripts]\n")[2].partition("\n[")[0]
    )
    return {
        name: (module, function)
        for name, module, function in re.findall(r'^([\w-]+) = "([\w.]+):(\w+)"$', section, re.M)
    }


def main() -> None:
    Path(sysconfig.get_path("purelib"), "colearn-ledger.pth").write_text(f"{ROOT}\n{ROOT / 'node'}\n", encoding="utf-8")
    for name, (module, function) in programs().items():
        program = Path(sysconfig.get_path("scripts"), name)
        # sh starts Python: a path with a space in it can't stand behind #!
        program.write_text(
            f"""#!/bin/sh\n'''exec' '{sys.executable}' "$0" "$@"\n'''\nimport sys\n"""
            f"from {module} import {function}\nsys.exit({function}())\n",
            encoding="utf-8",
        )
        program.chmod(0o755)


if __name__ == "__main__":
    main()
