// SPDX-License-Identifier: Apache-2.0
// Compiles with npm's compiler, so that nothing is downloaded; the settings are those of scripts/build_contract.py.
"use strict";
process.env.HARDHAT_DISABLE_TELEMETRY_PROMPT = "true";
const { subtask } = require("hardhat/config");
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require("hardhat/builtin-tasks/task-names");

const version = "0.8.30";

// One message. An error that is thrown gets a stack from Hardhat wherever there is no display.
function fail(what) {
  console.error(`error: ${what}\n  expected: solc ${version}, from npm\n  to fix:   run \`npm ci\` in the project's folder`);
  process.exit(1);
}

subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async ({ solcVersion }) => {
  try {
    require.resolve("solc/soljson.js");
  } catch {
    fail("no Solidity compiler: the npm package solc is not installed");
  }
  const longVersion = require("solc").version().replace(".Emscripten.clang", "");
  if (solcVersion !== version || !longVersion.startsWith(version + "+")) {
    fail(`solc ${version} is pinned, but ${solcVersion} was asked for and npm has ${longVersion}`);
  }
  return { version, longVersion, compilerPath: require.resolve("solc/soljson.js"), isSolcJs: true };
});

module.exports = {
  solidity: {
    version,
    settings: {
      optimizer: { enabled: true, runs: 200 },
      viaIR: true,
      evmVersion: "shanghai",
      metadata: { bytecodeHash: "none" },
    },
  },
  paths: { sources: "contracts", tests: "tests/contracts", artifacts: "hardhat-artifacts", cache: "cache/hardhat" },
};
