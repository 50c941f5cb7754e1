"""A Flower app's folder: its clients as learners, without Flower's server, and without a change of its code."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..formats.toml import read_toml
from .flower import FlowerLearner
from .flower_client import Config
from .flower_messages import AppPort, Asked, ask, context, identify, read_first, with_trees
from .randomness import seeded
from .voting.policy import VotePolicy

__all__ = ["FlowerApp", "flower_app", "split_options"]

_OF_APP = ("run_config", "first", "seed")
_OF_LEARNER = ("criterion", "higher_is_better", "config", "evaluate_config", "node_config", "combine", "vote_policy")

_COMPONENTS = "[tool.flwr.app.components] with clientapp and serverapp, each module:object"


class FlowerApp:
    """An app as it is in its folder: ``pyproject.toml`` with ``[tool.flwr.app]``, and its modules beside it.

    Its ServerApp is started once, until it asks the first client to train: what it sends then are the first weights,
    and the configuration of trainings. Nothing else of it is used, and no server is.

    Parameters
    ----------
    folder: the app's.
    run_config: in place of what ``[tool.flwr.app.config]`` has, by the same names; of nested ones with dots.
    first: a file of numpy's (``.npz``) with the first weights, in order or by name, in place of the ServerApp's: for an
        app without one, or whose ServerApp needs what isn't here.
    seed: fixes the first weights, as far as the app draws them from generators that a process has for all.

    Raises
    ------
    ConfigError: there is no such folder, it is no Flower app, or one of its modules needs what isn't installed.
    LearnerError: its code fails, or its weights aren't arrays.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        run_config: Mapping[str, Any] | None = None,
        first: str | Path | None = None,
        seed: int = 0,
    ) -> None:
        self.folder = Path(folder).expanduser().absolute()
        if not self.folder.is_dir():
            raise ConfigError(
                f"there is no folder {folder}", expected="the folder of a Flower app", fix="correct the path"
            )
        path = self.folder / "pyproject.toml"
        tree = read_toml(path, "a Flower app's pyproject.toml", "give the folder that has it")
        table = _table(tree, "tool", "flwr", "app")
        components = _table(table, "components")
        if not isinstance(components.get("clientapp"), str):
            missing = "[tool.flwr.app]" if not table else "clientapp in [tool.flwr.app.components]"
            raise ConfigError(
                f"{path} has no {missing}: it is no Flower app", expected=_COMPONENTS, fix="give the app's own folder"
            )
        self.name = str(_table(tree, "project").get("name", self.folder.name))
        self._components: dict[str, Any] = dict(components)
        self.run_config = _with_overrides(dict(_flat(_table(table, "config"))), run_config or {}, path)
        self._first, self.seed = first, seed

    def learner(
        self,
        index: int,
        of: int,
        *,
        node_config: Mapping[str, Any] | None = None,
        config: Config | None = None,
        evaluate_config: Config | None = None,
        criterion: str | None = None,
        higher_is_better: bool | None = None,
        combine: str | None = None,
        vote_policy: VotePolicy | str = "not-worse",
    ) -> FlowerLearner:
        """The app's client as member ``index`` (from 0) of ``of``: its ``partition-id`` and ``num-partitions``.

        Parameters
        ----------
        node_config: further settings of this member, by name, as a SuperNode has them: where its data are, say.
        config, evaluate_config: what the messages' ConfigRecord has beside what the ServerApp puts into it.
        combine: ``"xgboost-trees"`` for apps whose clients send their last trees alone (FedXgbBagging): they are added
            to the current booster's.
        criterion, higher_is_better, vote_policy: as for :class:`~colearn_ledger.learners.flower.FlowerLearner`. Of an
            app whose clients are ``NumPyClient`` or ``Client`` the loss is the criterion if none is given; of others
            none is known.
        """
        if not 0 <= index < of:
            raise ConfigError(f"the index of the Flower client is {index}", expected=f"0 to {of - 1}, since of is {of}")
        if combine not in (None, "xgboost-trees"):
            raise ConfigError(f"combine is {combine!r}", expected="xgboost-trees", fix="or leave it out")
        own = context(index, of, self.run_config, node_config)
        port = AppPort(self._client_app, own, self._asked, config, evaluate_config)
        return FlowerLearner(
            port,
            criterion=criterion,
            higher_is_better=higher_is_better,
            combine=None if combine is None else with_trees,
            vote_policy=vote_policy,
            seed=self.seed + index,
        )

    @functools.cached_property
    def _client_app(self) -> Any:
        return self.component("clientapp")

    @functools.cached_property
    def _asked(self) -> Asked:
        """What the ServerApp sends to its first client, or the first weights out of their file."""
        if self._first is not None:
            return read_first(Path(self._first).expanduser())
        if "serverapp" not in self._components:
            raise ConfigError(
                f"the Flower app {self.name} has no serverapp, which would know its first weights",
                expected=_COMPONENTS,
                fix="give them: first=FILE.npz",
            )
        server_app, client_app = self.component("serverapp"), self._client_app
        with seeded(self.seed, 0):
            return ask(server_app, client_app, self.run_config, self.name)

    def component(self, component: str) -> Any:
        """The ClientApp or ServerApp; from now on its modules are found in this process."""
        reference = self._components[component]
        module, _, name = reference.partition(":")
        _find_first(self.folder, module.partition(".")[0])
        identify()
        try:
            found = getattr(importlib.import_module(module), name or "app", None)
        except ModuleNotFoundError as error:
            here = error.name is not None and (module == error.name or module.startswith(error.name + "."))
            raise ConfigError(
                f"the Flower app {self.name} has no module {module}"
                if here
                else f"the Flower app {self.name} needs {error.name}, which isn't installed",
                expected=f"{component} = {reference!r}" if here else "what its pyproject.toml lists as dependencies",
                fix="correct [tool.flwr.app.components]" if here else f"install it: pip install {self.folder}",
            ) from error
        if not callable(found):
            raise ConfigError(
                f"the module {module} of the Flower app {self.name} has no {name}",
                expected=f"{component} = {reference!r}",
                fix="correct [tool.flwr.app.components]",
            )
        return found


def flower_app(
    folder: str,
    *,
    index: int = 0,
    of: int = 2,
    **options: Any,
) -> FlowerLearner:
    """A member's learner by an app's folder: ``factory = "colearn_ledger.learners.flower_app:flower_app"``.

    The arguments are those of :class:`FlowerApp` and of its :meth:`~FlowerApp.learner`, and raise what these raise.
    """
    for_app, for_learner = split_options(options)
    return FlowerApp(folder, **for_app).learner(index, of, **for_learner)


def split_options(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of :class:`FlowerApp`, and those of :meth:`FlowerApp.learner`; ConfigError for one of neither."""
    for name in options:
        if name not in _OF_APP and name not in _OF_LEARNER:
            raise ConfigError(
                f"a Flower app's learner has no option {name!r}",
                expected=f"one of {', '.join([*_OF_APP, *_OF_LEARNER])}",
                fix="correct it; what the app itself is to be told is in run_config",
            )
    for_app, for_learner = ({name: options[name] for name in of if name in options} for of in (_OF_APP, _OF_LEARNER))
    return for_app, for_learner


def _table(tree: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """A table of a file, empty where there is none."""
    found: Any = tree
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """As Flower has it: names of nested tables with dots."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield before + name, value


def _with_overrides(config: dict[str, Any], given: Mapping[str, Any], path: Path) -> dict[str, Any]:
    for name in given:
        if name not in config:
            raise ConfigError(
                f"run_config has {name!r}, which isn't in [tool.flwr.app.config] of {path}",
                expected=f"one of {', '.join(config) or 'none'}",
                fix="correct its name",
            )
    return {**config, **given}


def _find_first(folder: Path, package: str) -> None:
    """Have a package found in the app's folder, also where another app has one of the same name."""
    if not sys.path or sys.path[0] != str(folder):
        sys.path.insert(0, str(folder))
    loaded = sys.modules.get(package)
    places = [] if loaded is None else [*getattr(loaded, "__path__", ()), getattr(loaded, "__file__", None) or ""]
    own = any(Path(place).is_relative_to(folder) for place in places)
    if loaded is not None and not own and ((folder / package).is_dir() or (folder / f"{package}.py").is_file()):
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]
        importlib.invalidate_caches()
