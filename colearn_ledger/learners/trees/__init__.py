"""Trees as arrays, and trees from strangers checked before a library reads them."""

from .booster_json import BoosterShape, Frame, checked_trees, frame_of, model_of
from .tree_arrays import ForestShape, forest_arrays, forest_trees

__all__ = [
    "BoosterShape",
    "ForestShape",
    "Frame",
    "checked_trees",
    "forest_arrays",
    "forest_trees",
    "frame_of",
    "model_of",
]
