# Sourced by the other scripts, from the project's folder: makes .venv from a lock file, once. POSIX sh.
#
# .venv/.colearn-stamp says what .venv was made from: "base=… run=… dev=… all=…", each a hash. Another Python, machine or
# folder changes base, and .venv is made again. requirements-dev.lock holds all that requirements.lock holds, and
# requirements-all.lock (with PyTorch) all that requirements-dev.lock holds, so where the tests are set up the demo is,
# too, and a smaller set-up never undoes what a larger one has installed.

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $1"; [ -z "${2:-}" ] || say "  expected: $2"; [ -z "${3:-}" ] || say "  to fix:   $3"; exit 1; }
seconds_since() { echo "$(($(date +%s) - $1)) s"; }

# Prints the path of a Python that can make .venv: $PYTHON, or the first on PATH that is new enough (never .venv's own link).
find_python() {
  if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"; else set -- python3 python python3.13 python3.12 python3.11 python3.10; fi
  for candidate in "$@"; do
    if found=$("$candidate" -c 'import sys
print(getattr(sys, "_base_executable", None) or sys.executable)
sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null); then
      echo "$found"
      return
    fi
  done
  fail "no suitable Python was found (tried: $*)" "Python 3.10 to 3.13" "install one, or name it: PYTHON=/path/to/python3 $0"
}

# lock_for LOCK WORDS...: the lock that a demo needs: LOCK, or for the task LORA and Flower apps the one with everything.
lock_for() {
  lock_named=$1
  shift
  before=
  for word in "$@"; do
    case "$before$word" in
      --flower-app | --flower-app=* | -t[Ll][Oo][Rr][Aa] | --task[Ll][Oo][Rr][Aa] | --task=[Ll][Oo][Rr][Aa]) lock_named=requirements-all.lock ;;
    esac
    case "$word" in -t | --task) before=$word ;; *) before= ;; esac
  done
  echo "$lock_named"
}

# make_venv LOCK: what LOCK names, exactly, and this project in place. Nothing happens when it's there already.
make_venv() {
  python=$(find_python) || exit 1
  stamps=$("$python" - <<'PY'
import hashlib, os, pathlib, sys, sysconfig
def digest(*parts): return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
def file(name): return digest(pathlib.Path(name).read_bytes())
# The number goes up where packages that share files come and go (as two of NCCL's do): what is there then is made anew.
print("base=" + digest(2, sys.implementation.cache_tag, sysconfig.get_platform(), os.getcwd(), file("requirements-setup.lock")),
      "run=" + file("requirements.lock"), "dev=" + file("requirements-dev.lock"), "all=" + file("requirements-all.lock"))
PY
  ) || exit 1
  wanted=$(stamp_for "$1")
  if venv_has "$wanted"; then return; fi
  # One at a time: two terminals may start at once.
  lock_dir=.venv.making
  until mkdir "$lock_dir" 2>/dev/null; do
    other=$(cat "$lock_dir/pid" 2>/dev/null) || other=
    if [ -n "$other" ] && kill -0 "$other" 2>/dev/null; then
      [ -n "${waited:-}" ] || { say "waiting for another set-up (process $other) ..."; waited=1; }
      sleep 1
    else # a set-up that was killed; one that has just begun writes its number at once
      sleep 1
      [ "$(cat "$lock_dir/pid" 2>/dev/null)" != "$other" ] || rm -rf "$lock_dir"
    fi
  done
  echo $$ >"$lock_dir/pid"
  status=0
  (install_venv "$1") || status=$?
  rm -rf "$lock_dir"
  [ $status -eq 0 ] || exit $status
}

# What the stamp says once LOCK is installed.
stamp_for() {
  case "$1" in
    requirements.lock) echo "${stamps% dev=*}" ;;
    requirements-dev.lock) echo "${stamps% all=*}" ;;
    *) echo "$stamps" ;;
  esac
}

venv_has() {
  case "$(cat .venv/.colearn-stamp 2>/dev/null)" in "$1" | "$1 "*) [ -x .venv/bin/python ] ;; *) return 1 ;; esac
}

install_venv() {
  trap 'exit 130' INT TERM
  if venv_has "$wanted"; then return; fi # made while we waited
  started=$(date +%s)
  "$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "this Python has no venv module: $python" "python3 with venv and ensurepip" "on Debian and Ubuntu: apt-get install python3-venv"
  old=$(cat .venv/.colearn-stamp 2>/dev/null) || old=
  lock=$1
  case "$lock $old" in
    *" all="*) lock=requirements-all.lock ;;
    "requirements.lock "*" dev="*) lock=requirements-dev.lock ;;
  esac
  wanted=$(stamp_for "$lock")
  takes="one to three minutes"
  [ "$lock" != requirements-all.lock ] || takes="a few minutes, and gigabytes on Linux: PyTorch brings its CUDA packages"
  say "setting up .venv from $lock (once; $takes) ..."
  if [ "${old%% *}" != "${stamps%% *}" ] || ! .venv/bin/python -m uv --version >/dev/null 2>&1; then
    rm -rf .venv
    "$python" -m venv .venv || fail "no virtual environment could be made in .venv" "a writable folder" "see the message above"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.lock ||
      fail "the installer (uv) could not be installed" "a network that reaches the Python package index" "run it again"
  fi
  rm -f .venv/.colearn-stamp
  quiet=--quiet
  [ ! -t 2 ] || quiet=
  # Compiled once here: without .pyc files every start of TensorFlow costs ten seconds.
  UV_COMPILE_BYTECODE=1 UV_PYTHON=.venv/bin/python .venv/bin/python -m uv pip sync $quiet --require-hashes "$lock" ||
    fail "the packages could not be installed" "a network that reaches the Python package index" "run it again: what was fetched is kept"
  .venv/bin/python scripts/lib/link_project.py
  printf '%s\n' "$wanted" >.venv/.colearn-stamp
  say "set up in $(seconds_since "$started")."
}
