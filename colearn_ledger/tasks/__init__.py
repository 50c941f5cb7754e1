"""Ready-made tasks: a data set, a model, and learners that each hold a share of the data.

>>> from colearn_ledger.tasks import get_task
>>> prepared = get_task("SKLEARN_DIGITS").make_learners(3, seed=1)
>>> prepared.learners, prepared.data

Each task is one file, to be copied for a task of one's own; docs/tasks.md says how.
"""

from .registry import DEFAULT_TASK, get_task, list_tasks, task_names
from .task import KERAS, SKLEARN, XGBOOST, Framework, Options, Prepared, Task
from .training import Training

__all__ = [
    "DEFAULT_TASK",
    "KERAS",
    "SKLEARN",
    "XGBOOST",
    "Framework",
    "Options",
    "Prepared",
    "Task",
    "Training",
    "get_task",
    "list_tasks",
    "task_names",
]
