# Sourced by scripts/demo and scripts/test: makes .venv from a lock file, once. POSIX sh.
# A stamp names the lock and the Python that .venv was made from; without it, what is there is made again.

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $1"; [ -z "${2:-}" ] || say "  expected: $2"; [ -z "${3:-}" ] || say "  to fix:   $3"; exit 1; }

find_python() {
  for candidate in ${PYTHON:-} python3 python; do
    if command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  fail "no suitable Python was found" "Python 3.10 to 3.13 as python3" "install one, or name it: PYTHON=/path/to/python3 $0"
}

# make_venv LOCK: installs exactly what LOCK names, and this project in place.
make_venv() {
  lock=$1
  python=$(find_python) || exit 1
  "$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "this Python has no venv module" "python3 with venv and ensurepip" "on Debian and Ubuntu: apt-get install python3-venv"
  stamp=$("$python" -c 'import hashlib, sys; print(sys.version.split()[0], *(hashlib.sha256(open(f, "rb").read()).hexdigest() for f in sys.argv[1:]))' "$lock" pyproject.toml)
  if [ "$(cat .venv/.colearn-stamp 2>/dev/null)" = "$stamp" ]; then return; fi
  say "setting up .venv from $lock (once; one to three minutes) ..."
  rm -f .venv/.colearn-stamp
  [ -x .venv/bin/python ] && .venv/bin/python -c 'import pip' 2>/dev/null || { rm -rf .venv; "$python" -m venv .venv; }
  .venv/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.5"
  # Compiled once here: without .pyc files every start of TensorFlow costs ten seconds.
  UV_COMPILE_BYTECODE=1 UV_PYTHON=.venv/bin/python UV_LINK_MODE=copy .venv/bin/python -m uv pip sync --quiet --require-hashes "$lock" ||
    fail "the packages could not be installed" "a network that reaches the Python package index" "run it again: what was fetched is kept"
  # In place, and without a build: the folder itself is what is imported.
  .venv/bin/python - <<'PY'
import pathlib, sysconfig
root = pathlib.Path.cwd()
pathlib.Path(sysconfig.get_path("purelib"), "colearn-ledger.pth").write_text(f"{root}\n")
PY
  printf '%s\n' "$stamp" >.venv/.colearn-stamp
  say "set up."
}
