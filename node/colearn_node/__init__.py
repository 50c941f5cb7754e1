"""One stakeholder's node: it follows the contract, trains, tests and votes. See docs/operations.md."""

from __future__ import annotations
