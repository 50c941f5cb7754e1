"""Settings: all that can be set, declared once in :class:`Config`, read from a TOML file, the environment and flags.

Later beats earlier: default, file, environment (``COLEARN_NODE_STORE_FOLDER`` for ``store.folder``), flag.
Paths in the file are relative to the file's folder, others to the working folder.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from colearn_ledger.errors import ConfigError, UsageError
from colearn_ledger.formats.size import parse_size
from colearn_ledger.formats.toml import read_toml
from colearn_ledger.learners.loading.factory import FACTORY_FORM, LearnerSpec, is_factory
from colearn_ledger.stores.spec import StoreSpec

__all__ = ["ENV_PREFIX", "SETTINGS", "Config", "Setting", "load", "parse_setting"]

ENV_PREFIX = "COLEARN_NODE_"
_MOST_DISK = 1 << 60  # bytes


class _Wrong(ValueError):
    """A value of the wrong kind; the text says what was expected."""


def _text(value: object, _: Path) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Wrong("a text that isn't empty")
    return value.strip()


def _texts(value: object, folder: Path) -> tuple[str, ...]:
    if isinstance(value, str):  # the environment's and the flags' way of giving several
        value = [part for part in value.split(",") if part.strip()]
    if not isinstance(value, list) or not value:
        raise _Wrong("a list with at least one text")
    return tuple(_text(part, folder) for part in value)


def _path(value: object, folder: Path) -> Path:
    return (folder / Path(_text(value, folder)).expanduser()).absolute()


def _number(least: float, most: float) -> Callable[[object, Path], float]:
    def parse(value: object, _: Path) -> float:
        try:
            if isinstance(value, bool):
                raise ValueError
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            number = float("nan")
        if not least <= number <= most:
            raise _Wrong(f"a number from {least:g} to {most:g}")
        return number

    return parse


def _whole(least: float, most: float) -> Callable[[object, Path], int]:
    parse_number = _number(least, most)

    def parse(value: object, folder: Path) -> int:
        number = parse_number(value, folder)
        if number != int(number):
            raise _Wrong(f"a whole number from {least:g} to {most:g}")
        return int(number)

    return parse


def _one_of(*names: str) -> Callable[[object, Path], str]:
    def parse(value: object, _: Path) -> str:
        if value not in names:
            raise _Wrong(f"one of {', '.join(names)}")
        return str(value)

    return parse


def _yes_or_no(value: object, _: Path) -> bool:
    known = {"true": True, "false": False}
    answer = known.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(answer, bool):
        raise _Wrong("true or false")
    return answer


def _listen(value: object, folder: Path) -> str:
    host, _, port = _text(value, folder).rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise _Wrong("host:port, such as 127.0.0.1:9464")
    return f"{host}:{port}"


def _size(value: object, folder: Path) -> str:
    """The text as it is, if it is a size."""
    text = str(value) if type(value) is int else _text(value, folder)
    try:
        parse_size(text, _MOST_DISK)
    except UsageError:
        raise _Wrong("an amount of bytes, such as 500MB or 10 GiB") from None
    return text


def _factory(value: object, folder: Path) -> str:
    text = _text(value, folder)
    if not is_factory(text):
        raise _Wrong(FACTORY_FORM)
    return text


def _table(value: object, _: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Wrong("a table of options, [learner.options]")
    return dict(value)


@dataclass(frozen=True)
class Setting:
    """One thing that can be set, as its field of :class:`Config` declares it.

    ``key`` is its place in the file (``store.folder``), ``attribute`` its name in :class:`Config`, ``example`` is TOML,
    ``help`` a sentence for people, beginning in lower case.
    """

    key: str
    attribute: str
    parse: Callable[[object, Path], Any]
    default: Any
    example: str
    help: str

    @property
    def variable(self) -> str:
        return ENV_PREFIX + self.attribute.upper()

    @property
    def is_table(self) -> bool:
        return self.parse is _table

    @property
    def flag(self) -> str | None:
        """Tables can't be given on a command line."""
        return None if self.is_table else "--" + self.key.replace(".", "-").replace("_", "-")


# ruff: noqa: RUF009 - these calls make fields, which is what they are for
def _setting(
    help: str, example: str, default: Any = None, *, between: tuple[float, float] | None = None, form: Any = None
) -> Any:
    """A field of :class:`Config`: ``between`` bounds a number, ``form`` is how a text is read that has one."""
    facts = {"help": help, "example": example, "between": between, "form": form}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=facts)
    return field(default=default, metadata=facts)


@dataclass(frozen=True)
class Config:
    """A node's settings: each is declared here, and nowhere else.

    File, environment, flags, ``init``'s template and the table of docs/configuration.md follow from a field's name,
    type, default and description. ``store_timeout`` is ``timeout`` in the file's table ``[store]``.

    ``folder``: of the file, or the working folder; no setting.
    """

    rpc: tuple[str, ...] = _setting(
        "JSON-RPC endpoints of the chain; the first that answers is used", '["http://127.0.0.1:8545"]', ()
    )
    quorum: int = _setting(
        "endpoints of `rpc` that must show the same before anything is done; with 2 or more, none is taken at its word",
        "2",
        1,
        between=(1, 16),
    )
    ws: str | None = _setting(
        "WebSocket endpoint whose news wake the node; without one it polls", '"ws://127.0.0.1:8545"'
    )
    deployment: Path | None = _setting("the file that `colearn-ledger deploy` wrote", '"deployment.json"')
    keystore: Path | None = _setting("the member's encrypted key; without one nothing is sent", '"keystore.json"')
    password_file: Path | None = _setting("holds the keystore's password; without it you are asked", '"password.txt"')
    member: str | None = _setting("without a keystore: the member whose view is shown (dry run)", '"0x…"')
    fee_cap: float | None = _setting(
        "gwei per unit of gas that is never exceeded; if unset, only the tip has a ceiling, of 10 to 100 gwei",
        "100",
        between=(0.000001, 1e9),
    )
    poll_interval: float = _setting(
        "seconds between looks at the chain, if nothing wakes", "1.0", 1.0, between=(0.05, 3600)
    )
    endpoint_lag: float = _setting(
        "blocks that an endpoint may be behind another one of `rpc`, before that one is used in its place",
        "5",
        5.0,
        between=(1, 1e6),
    )
    publish_scores: bool = _setting(
        "publish with each vote the scores that the current weights and the proposed ones have on your data",
        "false",
        False,
    )
    verify_merge: bool = _setting(
        "in joint rounds: before voting, pull what the proposal claims to merge and merge it again; reject what isn't "
        "that merge, or leaves out more than half without need",
        "false",
        False,
    )
    plan: Literal["warn", "refuse"] = _setting(
        "where your learner differs from the plan that the members agreed on: warn (it is said), or refuse (the node "
        "ends, and does nothing before it has compared)",
        '"warn"',
        "warn",
    )
    follow: Path | None = _setting(
        "the deployment file of a successor: once the members have agreed on that collective by a motion, the node "
        "goes on in it",
        '"deployment-2.json"',
    )
    store_ipfs: str | None = _setting("RPC API of your Kubo daemon", '"/ip4/127.0.0.1/tcp/5001/http"')
    store_token_file: Path | None = _setting(
        "holds what your Kubo daemon's RPC wants as authorization: user:password, or a bearer token", '"ipfs-token.txt"'
    )
    store_folder: Path | None = _setting("instead of IPFS: a folder that all members share", '"weights"')
    store_timeout: float = _setting(
        "seconds that one attempt to pull weights may take, and one more for each MB of them",
        "60",
        60.0,
        between=(1, 86400),
    )
    store_keep: Literal["current", "accepted", "all"] = _setting(
        "weights to keep: current (the accepted ones, their parent, the last rounds'), accepted (all accepted ones, "
        "too, up to `store.limit`), or all",
        '"accepted"',
        "accepted",
    )
    store_keep_contributions: bool = _setting(
        "in joint rounds: keep your own contributions to accepted rounds as long as these rounds' weights, so that "
        "anybody can recompute the merges",
        "true",
        True,
    )
    store_limit: str = _setting(
        "how much of the disk accepted weights, and your contributions to them, may take up; beyond that the oldest "
        "go, never those in use",
        '"10 GiB"',
        "10 GiB",
        form=_size,
    )
    store_allow_remote: bool = _setting(
        "allow a Kubo RPC that isn't on loopback: whoever reaches it owns the daemon", "false", False
    )
    learner_factory: str | None = _setting(
        "`module:function` (a class will do), called with the options, makes the learner",
        '"my_module:make_learner"',
        form=_factory,
    )
    learner_grace: float = _setting(
        "seconds that work which has become pointless may go on, while other work waits, until its process is ended",
        "10",
        10.0,
        between=(0, 86400),
    )
    learner_hang: float = _setting(
        "seconds that adopting may take besides those for pulling weights, until its process is taken to hang and is "
        "started anew; twice as many each time in a row",
        "120",
        120.0,
        between=(1, 86400),
    )
    learner_checkpoint: float = _setting(
        "seconds between two checkpoints of a training that runs for long, in the folder `checkpoints` beside this "
        "file: a node that is restarted goes on from there; 0: none",
        "600",
        0.0,
        between=(0, 86400),
    )
    learner_options: dict[str, Any] = _setting("keyword arguments of the factory", "", {})
    log_format: Literal["text", "json"] = _setting("text for people, json for machines", '"text"', "text")
    log_level: Literal["debug", "info", "warning", "error"] = _setting("least that is logged", '"info"', "info")
    metrics_listen: str | None = _setting(
        "serves /metrics, /livez and /readyz; off by default", '"127.0.0.1:9464"', form=_listen
    )
    folder: Path = field(default_factory=Path.cwd)

    @property
    def learner(self) -> LearnerSpec:
        """How the learner is made; its modules are beside the configuration, too."""
        assert self.learner_factory is not None, "it is a setting that is needed"
        return LearnerSpec(self.learner_factory, self.learner_options, (self.folder,))

    @property
    def store_limit_bytes(self) -> int:
        """How much accepted weights may take up."""
        return parse_size(self.store_limit, _MOST_DISK)

    @property
    def store(self) -> StoreSpec:
        """Which weight store."""
        return StoreSpec(self.store_ipfs, self.store_folder, self.store_allow_remote, self.store_token_file)


_TABLES = ("store", "learner", "log", "metrics")


def _declared() -> tuple[Setting, ...]:
    """The settings, as the fields of :class:`Config` say."""
    types = get_type_hints(Config)
    settings = []
    for f in fields(Config):
        if not f.metadata:
            continue
        table, _, name = f.name.partition("_")
        key = f"{table}.{name}" if table in _TABLES else f.name
        default = f.default if f.default is not MISSING else {}
        parse = f.metadata["form"] or _parser(types[f.name], f.metadata["between"])
        settings.append(Setting(key, f.name, parse, default, f.metadata["example"], f.metadata["help"]))
    return tuple(settings)


def _parser(kind: Any, between: tuple[float, float] | None) -> Callable[[object, Path], Any]:
    """What reads values of this type."""
    if get_origin(kind) is Literal:
        return _one_of(*get_args(kind))
    kind = next((part for part in get_args(kind) if type(None) in get_args(kind) and part is not type(None)), kind)
    if kind in (float, int):
        assert between is not None, "a number has bounds"
        return _number(*between) if kind is float else _whole(*between)
    plain = {str: _text, Path: _path, bool: _yes_or_no, tuple[str, ...]: _texts, dict[str, Any]: _table}
    return plain[kind]


SETTINGS = _declared()
_BY_KEY = {setting.key: setting for setting in SETTINGS}


def load(path: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]) -> Config:
    """The settings out of a file (or none), the environment, and flags by setting key.

    Raises ConfigError for a file that can't be read, an unknown key, a wrong value, or a missing one.
    """
    values: dict[str, Any] = {}
    folder = Path.cwd() if path is None else path.absolute().parent
    if path is not None:
        for key, value in _flatten(
            read_toml(path, "a node's configuration", f"colearn-node init {path} writes one"), path
        ).items():
            values[key] = parse_setting(_BY_KEY[key], value, folder, f"{key} in {path}")
    by_variable = {setting.variable: setting for setting in SETTINGS}
    for variable in sorted(v for v in environ if v.startswith(ENV_PREFIX)):
        setting = by_variable.get(variable)
        if setting is None or setting.flag is None:
            raise _unknown(f"the environment variable {variable}", variable, list(by_variable))
        values[setting.key] = parse_setting(setting, environ[variable], Path.cwd(), variable)
    for key, value in flags.items():
        values[key] = parse_setting(_BY_KEY[key], value, Path.cwd(), str(_BY_KEY[key].flag))
    config = Config(folder=folder, **{_BY_KEY[key].attribute: value for key, value in values.items()})
    _check(config, path)
    return config


def _flatten(tree: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Values by full key. ``learner = "module:function"`` is short for the table with a factory alone."""
    flat: dict[str, Any] = {}
    sections = {key.partition(".")[0] for key in _BY_KEY if "." in key}
    for name, value in tree.items():
        if name == "learner" and isinstance(value, str):
            flat["learner.factory"] = value
        elif name in sections and isinstance(value, dict):
            flat.update({f"{name}.{inner}": inner_value for inner, inner_value in value.items()})
        else:
            flat[name] = value
    for key in flat:
        if key not in _BY_KEY:
            raise _unknown(f"the key {key} in {path}", key, list(_BY_KEY))
    return flat


def _unknown(what: str, name: str, known: Sequence[str]) -> ConfigError:
    # A right name in a wrong section, else the most similar one.
    leaf = name.rpartition(".")[2]
    near = [k for k in known if k.rpartition(".")[2] == leaf] or difflib.get_close_matches(name, known, cutoff=0.5)
    return ConfigError(
        f"{what} is unknown",
        expected=f"one of {', '.join(known)}",
        fix=f"did you mean {near[0]}?" if near else "remove it",
    )


def parse_setting(setting: Setting, value: object, folder: Path, what: str) -> Any:
    """The value as the node uses it, paths in ``folder``. Raises ConfigError, with ``what`` as its subject."""
    try:
        return setting.parse(value, folder)
    except _Wrong as e:
        shown = value if isinstance(value, str | int | float | bool) else type(value).__name__
        raise ConfigError(f"{what} is {shown!r}", expected=str(e), fix=f"for example {setting.example}") from None


def _check(config: Config, path: Path | None) -> None:
    where = f" in {path}" if path is not None else ""
    for key, value in {
        "rpc": config.rpc,
        "deployment": config.deployment,
        "learner.factory": config.learner_factory,
    }.items():
        if not value:
            setting = _BY_KEY[key]
            raise ConfigError(
                f"{key} is missing{where}",
                expected=setting.help,
                fix=f"{key} = {setting.example}, or set {setting.variable}, or pass {setting.flag}",
            )
    if config.quorum > len(set(config.rpc)):
        raise ConfigError(
            f"quorum is {config.quorum}, and rpc names {len(set(config.rpc))} endpoints{where}",
            expected="as many endpoints, each of a node of its own",
            fix="name more of them, or lower quorum",
        )
    if (config.store_ipfs is None) == (config.store_folder is None):
        raise ConfigError(
            f"store.ipfs and store.folder are {'both missing' if config.store_ipfs is None else 'both set'}{where}",
            expected="one of them",
            fix='[store]\n            ipfs = "/ip4/127.0.0.1/tcp/5001/http"',
        )
