"""Weights in a learner's own form: what goes out as plain arrays comes back as it was."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
import pytest

from colearn_ledger.core.schema import Schema
from colearn_ledger.core.tensors import arrays_of, like, parts_of, plain
from colearn_ledger.core.tree import MAX_DEPTH, MAX_NODES, shown
from colearn_ledger.core.weights import decode, encode
from colearn_ledger.errors import InvalidWeights, LearnerError, SchemaMismatch

from ..kit.moved_learners import FakeTensor

Pair = namedtuple("Pair", "first second")


def there_and_back(tree: Any) -> Any:
    return like(decode(encode(plain(tree))), tree)


def test_plain__tensors_on_a_device_in_a_graph__their_values() -> None:
    found = plain({"w": FakeTensor([1.5, 2.5], on="gpu", graph=True), "n": [FakeTensor(np.int64(7))]})
    assert found["w"].tolist() == [1.5, 2.5]
    assert (found["n"][0].shape, found["n"][0].dtype) == ((), np.int64)


def test_like__tensors__come_back_as_tensors_on_their_device() -> None:
    own = OrderedDict(z=FakeTensor(np.float32([1, 2]), on="gpu"), a=FakeTensor(np.int64(3)))
    back = there_and_back(own)
    assert type(back) is OrderedDict
    assert list(back) == ["z", "a"]  # the codec sorts; a learner that zips values with parameters relies on its order
    assert isinstance(back["z"], FakeTensor)
    assert (back["z"].device, back["z"]._values.dtype) == ("gpu", np.float32)
    assert (back["a"].shape, int(back["a"]._values)) == ((), 3)


@pytest.mark.parametrize(
    "tree",
    [
        [np.ones(2), (1, 2.5, (True, None)), "text", b"\x80\x04bytes"],
        Pair(np.float64(1), {"b": 1, "a": Pair(2, 3)}),
        {"raw": bytearray(b"booster")},
        np.float32(0.25),
        0.25,
    ],
)
def test_like__each_kind__is_what_it_was(tree: Any) -> None:
    back = there_and_back(tree)
    assert repr(back) == repr(tree)
    assert type(back) is type(tree)


def test_like__another_tree__stays_as_decoded() -> None:
    for tree, own in [({"a": 1}, {"b": 1}), ([1], [1, 2]), ([1.5], [1]), ({"a": 1}, [1]), (300, np.uint8(3))]:
        assert like(tree, own) == tree


def test_plain__tensor_that_is_no_array__says_where() -> None:
    class Sparse(FakeTensor):
        def numpy(self) -> Any:
            raise TypeError("can't convert a sparse tensor")

        def detach(self) -> FakeTensor:
            return self

        cpu = detach

    with pytest.raises(InvalidWeights, match=r"Sparse at '/layers/0' .*sparse tensor"):
        plain({"layers": [Sparse([1])]})


def test_plain__cycle__left_to_the_codec() -> None:
    loop: list[Any] = []
    loop += [loop, loop]
    with pytest.raises(InvalidWeights, match=r"nested too deep|too many parts"):
        encode(plain(loop))


@pytest.mark.parametrize(
    ("genesis", "proposed", "bytes_of"),
    [
        (0.0, np.float64(1.5), 1.5),
        (0.0, np.float32(1.5), 1.5),
        (0.0, np.array(1.5), 1.5),
        (0.0, 2, 2.0),
        (0, np.int64(3), 3),
        (True, np.False_, False),
        (np.float64(0), 1.5, np.float64(1.5)),
        (np.zeros(()), np.float64(1.5), np.array(1.5)),
        (np.uint8(0), 200, np.uint8(200)),
        ([1, 2], (3, 4), [3, 4]),
        ({"a": (1,)}, {"a": [2]}, {"a": (2,)}),
        ({"w": np.zeros(2)}, {"w": np.ones(2)}, {"w": np.ones(2)}),
    ],
)
def test_fit__another_form_of_the_same__written_as_the_genesis(genesis: Any, proposed: Any, bytes_of: Any) -> None:
    assert encode(Schema.of(genesis).fit(proposed)) == encode(bytes_of)


@pytest.mark.parametrize(
    ("genesis", "proposed"),
    [
        (0, 1.5),
        (0, 1.0),
        (0.0, True),
        (False, 1),
        (np.uint8(0), 300),
        (np.float32(0), 0.1),
        (0.0, (1 << 60) + 1),
        (np.zeros(2), [0.0, 0.0]),
        (np.zeros(2, np.float32), np.zeros(2)),
        ("a", b"a"),
        ([1], [1, 2]),
        ([1], 1),
        ([1], {"a": 1}),
        ({"a": 1}, [1]),
        ({"a": 1}, 1),
    ],
)
def test_fit__something_would_be_lost__refused(genesis: Any, proposed: Any) -> None:
    with pytest.raises(SchemaMismatch):
        Schema.of(genesis).fit(proposed)


@pytest.mark.tensorflow
def test_like__tensorflow__tensors_and_variables_come_back_as_tensors() -> None:
    import tensorflow as tf

    own = [tf.constant([1.0, 2.0]), tf.Variable(3.0), tf.constant([1.0], tf.bfloat16)]
    back = there_and_back(own)
    assert all(tf.is_tensor(t) for t in back)
    assert [t.dtype for t in back] == [t.dtype for t in own]
    assert back[0].numpy().tolist() == [1.0, 2.0]
    own[1].assign(9.0)
    assert float(back[1]) == 3.0


@pytest.mark.tensorflow
def test_like__keras_variable__comes_back_as_a_tensor() -> None:
    import keras

    own = {"w": keras.Variable([1.0, 2.0])}
    back = there_and_back(own)
    assert keras.ops.is_tensor(back["w"])
    own["w"].assign(back["w"] + 1)
    assert own["w"].numpy().tolist() == [2.0, 3.0]


def test_plain__bfloat16_without_the_package__says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from colearn_ledger.core.tensors import bfloat16

    monkeypatch.setitem(__import__("sys").modules, "ml_dtypes", None)
    with pytest.raises(LearnerError, match="ml_dtypes"):
        bfloat16()


def nested(depth: int, leaf: Any) -> Any:
    for _ in range(depth):
        leaf = [leaf]
    return leaf


def test_parts_of__tree__every_leaf_with_its_path() -> None:
    tree = {"layers": [1.5, (b"raw", "text")], "none": None}
    assert dict(parts_of(tree)) == {"/layers/0": 1.5, "/layers/1/0": b"raw", "/layers/1/1": "text", "/none": None}
    assert list(parts_of(7)) == [("", 7)]


def test_parts_of__depth__as_deep_as_the_codec_goes() -> None:
    assert [leaf for _, leaf in parts_of(nested(MAX_DEPTH, "leaf"))] == ["leaf"]
    assert list(parts_of(nested(MAX_DEPTH + 1, "leaf"))) == []


def test_arrays_of__tree__arrays_and_tensors_alone() -> None:
    array, tensor = np.ones(2), FakeTensor([1])
    assert [id(found) for found in arrays_of([array, {"t": tensor}, 1.5, b"raw", np.float32])] == [
        id(array),
        id(tensor),
    ]


def test_plain__what_only_looks_like_a_tensor__stays() -> None:
    class Shaped:
        shape = (2,)
        dtype = "float32"

    shaped = Shaped()
    assert plain([shaped])[0] is shaped


def test_plain__as_many_parts_as_the_codec_takes__all_plain() -> None:
    limit = [bytearray(b"x")] * (MAX_NODES - 1)  # the list is a part, too
    assert type(plain(limit)[-1]) is bytes
    assert type(plain([*limit, bytearray(b"x")])[-1]) is bytearray  # the codec refuses it


def test_encode__depth__up_to_the_documented_one() -> None:
    assert decode(encode(nested(MAX_DEPTH, 1))) == nested(MAX_DEPTH, 1)
    with pytest.raises(InvalidWeights, match=f"{MAX_DEPTH}"):
        encode(nested(MAX_DEPTH + 1, 1))


def test_shown__path__cut_after_eighty_characters() -> None:
    assert shown("") == "the root"
    assert shown("/" + "x" * 79) == repr("/" + "x" * 79)
    assert shown("/" + "x" * 80) == repr("/" + "x" * 79 + "…")
