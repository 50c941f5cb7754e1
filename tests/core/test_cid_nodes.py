"""The nodes between root and leaves (weights above 1 GiB): each is checked before what it links to is fetched."""

from __future__ import annotations

import hashlib

import pytest

from colearn_ledger.core.cid import CHUNK, MAX_LINKS, Node, inner_nodes, root_node
from colearn_ledger.errors import InvalidWeights
from tests.core.test_cid import Tree, node, ref_of

SPAN = MAX_LINKS * CHUNK
FULL: Tree = (hashlib.sha256(b"full").digest(), True, CHUNK, CHUNK, b"")
TAIL: Tree = (hashlib.sha256(b"tail").digest(), True, 1, 1, b"")


@pytest.mark.parametrize(
    "tail", [[FULL], [TAIL], [FULL, FULL, TAIL], [FULL] * MAX_LINKS], ids=["chunk", "byte", "several", "full"]
)
def test_inner_nodes__two_levels__lead_to_all_leaves(tail: list[Tree]) -> None:
    first, last = node([FULL] * MAX_LINKS), node(tail)
    root = node([first, last])
    top = root_node(ref_of(root[0], root[2]))
    assert top == Node(root[0], root[2], SPAN * MAX_LINKS)
    children = inner_nodes(root[4], top)
    assert children == [Node(first[0], SPAN, SPAN), Node(last[0], last[2], SPAN)]
    assert [inner_nodes(block, child) for block, child in zip((first[4], last[4]), children, strict=True)] == [[], []]


def test_inner_nodes__one_level__are_none() -> None:
    root = node([FULL, FULL, TAIL])
    assert inner_nodes(root[4], root_node(ref_of(root[0], root[2]))) == []


def test_inner_nodes__three_levels__span_is_a_thousandth_each_time() -> None:
    """A terabyte that nobody has: sizes alone tell the shape."""
    first = node([node([FULL] * MAX_LINKS)] * MAX_LINKS)
    lone = node([node([TAIL])])
    root = node([first, lone])
    top = root_node(ref_of(root[0], root[2]))
    assert top.span == SPAN * MAX_LINKS**2
    assert inner_nodes(root[4], top) == [
        Node(first[0], SPAN * MAX_LINKS, SPAN * MAX_LINKS),
        Node(lone[0], 1, SPAN * MAX_LINKS),
    ]
    assert inner_nodes(lone[4], Node(lone[0], 1, SPAN * MAX_LINKS)) == [Node(node([TAIL])[0], 1, SPAN)]


@pytest.mark.parametrize(
    "false",
    [
        node([FULL] * (MAX_LINKS - 1)),  # fewer leaves
        node([FULL] * MAX_LINKS + [FULL]),  # more
        node([FULL] * (MAX_LINKS - 1) + [node([FULL] * 5)]),  # a node where a leaf belongs: more could be below it
        node([FULL] * (MAX_LINKS - 1) + [(FULL[0], True, CHUNK, CHUNK * 1000, b"")]),  # a total that doesn't add up
    ],
)
def test_inner_nodes__a_node_that_lies__is_refused(false: Tree) -> None:
    with pytest.raises(InvalidWeights, match="add up"):
        inner_nodes(false[4], Node(false[0], SPAN, SPAN))


def test_inner_nodes__another_block__is_refused() -> None:
    one, other = node([FULL, TAIL]), node([FULL, FULL])
    with pytest.raises(InvalidWeights, match="isn't the one"):
        inner_nodes(other[4], Node(one[0], one[2], SPAN))
