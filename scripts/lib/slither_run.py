"""Run all of slither's detectors on what stdin names; print the findings as JSON. Runs in slither's own environment.

Input: ``{"solc": path, "input": the compiler's standard JSON}``.
Output: a list of ``{"check", "impact", "where", "text"}``.
"""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

from crytic_compile import CryticCompile
from crytic_compile.platform.solc_standard_json import SolcStandardJson
from slither import Slither
from slither.detectors import all_detectors
from slither.detectors.abstract_detector import AbstractDetector

OUTPUTS = ["abi", "devdoc", "userdoc", "evm.bytecode", "evm.deployedBytecode", "metadata"]


def where(elements: list[dict[str, Any]]) -> str:
    """The function that a finding is about; the contract, where it is about none."""
    for element in elements:
        while element:
            if element["type"] == "function":
                return str(element["name"])
            element = element.get("type_specific_fields", {}).get("parent", {})
    return str(elements[0]["name"]) if elements else "?"


def main() -> None:
    given = json.load(sys.stdin)
    given["input"]["settings"]["outputSelection"] = {"*": {"*": OUTPUTS, "": ["ast"]}}
    slither = Slither(CryticCompile(SolcStandardJson(given["input"]), solc=given["solc"]))
    for detector in vars(all_detectors).values():
        if inspect.isclass(detector) and issubclass(detector, AbstractDetector) and detector is not AbstractDetector:
            slither.register_detector(detector)
    found = []
    for finding in (f for findings in slither.run_detectors() for f in findings):
        found.append(
            {
                "check": finding["check"],
                "impact": finding["impact"],
                "where": where(finding["elements"]),
                "text": finding["description"].strip(),
            }
        )
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
