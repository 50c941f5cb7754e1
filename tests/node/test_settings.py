"""A node's settings: file, environment, flags; and what is said about mistakes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from colearn_node.cli import main
from colearn_node.init import missing, values_for
from colearn_node.settings import SETTINGS, load
from colearn_node.template import template

from colearn_ledger.errors import ConfigError
from colearn_ledger.founding.record import save_deployment
from colearn_ledger.learners.loading.factory import LearnerSpec
from colearn_ledger.stores.spec import StoreSpec

from ..founding.test_record import RECORD

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))
import configuration_docs  # noqa: E402

DOC = ROOT / "docs" / "configuration.md"
GOOD = """
rpc = ["http://127.0.0.1:1"]
deployment = "d.json"
[store]
folder = "weights"
[learner]
factory = "my_module:make"
[learner.options]
index = 3
"""


def write(folder: Path, text: str = GOOD) -> Path:
    path = folder / "node.toml"
    path.write_text(text)
    return path


def test_load__file__paths_are_relative_to_it(tmp_path: Path) -> None:
    config = load(write(tmp_path), {}, {})
    assert config.store_folder == tmp_path / "weights" and config.deployment == tmp_path / "d.json"
    assert config.learner_options == {"index": 3} and config.folder == tmp_path


def test_load__environment_beats_file_and_flags_beat_both(tmp_path: Path) -> None:
    path = write(tmp_path, "poll_interval = 1\n" + GOOD)
    assert load(path, {}, {}).poll_interval == 1
    assert load(path, {"COLEARN_NODE_POLL_INTERVAL": "2"}, {}).poll_interval == 2
    assert load(path, {"COLEARN_NODE_POLL_INTERVAL": "2"}, {"poll_interval": "3"}).poll_interval == 3


def test_load__no_file__environment_alone_is_enough() -> None:
    environment = {
        "COLEARN_NODE_RPC": "http://a:1,http://b:2",
        "COLEARN_NODE_DEPLOYMENT": "d.json",
        "COLEARN_NODE_STORE_FOLDER": "w",
        "COLEARN_NODE_LEARNER_FACTORY": "m:f",
        "UNRELATED": "x",
    }
    config = load(None, environment, {})
    assert config.rpc == ("http://a:1", "http://b:2") and config.store_folder == Path.cwd() / "w"


def test_load__learner_as_a_text__is_its_factory(tmp_path: Path) -> None:
    text = GOOD.partition("[store]")[0] + 'learner = "my_module:make"\n[store]\nfolder = "w"\n'
    assert load(write(tmp_path, text), {}, {}).learner_factory == "my_module:make"


@pytest.mark.parametrize(
    "change, says",
    [
        (("deployment", "deploiment"), "did you mean deployment?"),
        (("folder", "foldr"), "did you mean store.folder?"),
        (("[learner]\n", "timeout = 5\n[learner]\nfolder = 'x'\n"), "did you mean store.folder?"),
        (('"http://127.0.0.1:1"', ""), "rpc in .* is 'list'"),
        (('"my_module:make"', '"my_module"'), "expected: module:function"),
        (('"weights"', "7"), "store.folder in .* is 7"),
        (("[learner.options]", "grace = -1\n[learner.options]"), "a number from 0 to 86400"),
        (("[learner]\n", "[log]\nformat = 'xml'\n[learner]\n"), "expected: one of text, json"),
        (("[learner]\n", "[metrics]\nlisten = '9464'\n[learner]\n"), "expected: host:port"),
        (("[store]\nfolder", "[store]\nipfs = 'x'\nfolder"), "store.ipfs and store.folder are both set"),
        (('folder = "weights"', ""), "store.ipfs and store.folder are both missing"),
        (('deployment = "d.json"', ""), "deployment is missing in .*COLEARN_NODE_DEPLOYMENT"),
        (('factory = "my_module:make"', ""), "learner.factory is missing"),
        (("deployment =", "deployment"), "isn't TOML"),
        (("deployment", "quorum = 2\ndeployment"), "quorum is 2, and rpc names 1 endpoints in .*"),
        (('["http://127.0.0.1:1"]', '["http://a", "http://a"]\nquorum = 2'), "as many endpoints"),
        (("deployment", "quorum = 1.5\ndeployment"), "a whole number from 1 to 16"),
        (("deployment", "quorum = 0\ndeployment"), "a number from 1 to 16"),
    ],
)
def test_load__mistake__is_named_with_what_was_expected(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, GOOD.replace(*change, 1)), {}, {})
    assert re.search(says, str(caught.value), re.S), caught.value


def test_load__quorum__is_a_whole_number_of_endpoints(tmp_path: Path) -> None:
    two = GOOD.replace('["http://127.0.0.1:1"]', '["http://a", "http://b"]')
    assert load(write(tmp_path, two), {}, {}).quorum == 1
    assert load(write(tmp_path, two), {"COLEARN_NODE_QUORUM": "2"}, {}).quorum == 2


def test_load__unknown_variable__nearest_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="COLEARN_NODE_STORE_FODLER") as caught:
        load(write(tmp_path), {"COLEARN_NODE_STORE_FODLER": "x"}, {})
    assert "did you mean COLEARN_NODE_STORE_FOLDER?" in str(caught.value)


def test_template__is_toml_and_names_every_setting_once(tmp_path: Path) -> None:
    text = template()
    tree = tomllib.loads(text)
    assert tree["store"].keys() == {"ipfs"} and load(write(tmp_path, text), {}, {}).poll_interval == 1.0
    for setting in SETTINGS:
        name = setting.key.rpartition(".")[2]
        pattern = rf"^# \[{re.escape(setting.key)}\]$" if not setting.example else rf"^(# )?{name} = "
        assert re.search(pattern, text, re.M), setting.key
        if setting.example and setting.key != "member":  # every example is a good value
            value = tomllib.loads(f"x = {setting.example}")["x"]
            setting.parse(value, tmp_path)


def test_documentation__table__is_what_the_settings_declare() -> None:
    page = DOC.read_text(encoding="utf-8")
    assert configuration_docs.with_table(page) == page, "run scripts/configuration_docs.py"
    assert page.count("\n| `") == len(SETTINGS)


def test_documentation__defaults__are_what_a_node_uses(tmp_path: Path) -> None:
    """Read from the page's text, past all that declares and derives them."""
    config = load(write(tmp_path), {}, {})
    given = {"rpc", "deployment", "store.folder", "learner.factory", "learner.options"}
    shown = dict(re.findall(r"^\| `([a-z_.]+)` \| .* \| ([^|]+) \| [^|]+\|$", DOC.read_text(encoding="utf-8"), re.M))
    assert shown.keys() == {setting.key for setting in SETTINGS}
    for key in shown.keys() - given:
        value = getattr(config, key.replace(".", "_"))
        plain = value is None or isinstance(value, bool)
        said = {None: "none", True: "true", False: "false"}[value] if plain else value
        assert (f"{said:g}" if isinstance(said, int | float) else said) == shown[key], key
    assert {shown[key] for key in given} == {"none"}


# Bounds, and what lies just outside.
@pytest.mark.parametrize(
    "key, good, bad",
    [
        ("fee_cap", ["0.000001", "1e9"], ["0", "1e10"]),
        ("poll_interval", ["0.05", "3600"], ["0.04", "3601"]),
        ("endpoint_lag", ["1", "1000000"], ["0.5", "1000001"]),
        ("store.timeout", ["1", "86400"], ["0.9", "86401"]),
        ("learner.grace", ["0", "86400"], ["-1", "86401"]),
        ("store.keep", ["current", "accepted", "all"], ["none", ""]),
        ("store.limit", ["1", "500MB", "10 GiB"], ["0", "much", "-1", "1TB"]),
        ("plan", ["warn", "refuse"], ["", "off"]),
        ("log.format", ["text", "json"], ["xml"]),
        ("log.level", ["debug", "info", "warning", "error"], ["fatal"]),
        ("publish_scores", ["true", "False"], ["yes", "1"]),
        ("store.allow_remote", ["true", "false"], ["on"]),
        ("metrics.listen", ["127.0.0.1:0", "[::1]:65535"], ["9464", "host:65536", ":1"]),
        ("learner.factory", ["a.b:c"], ["a", "a:", ":c", "a:1"]),
    ],
)
def test_load__value__is_taken_within_its_bounds_and_no_further(
    tmp_path: Path, key: str, good: list[str], bad: list[str]
) -> None:
    path = write(tmp_path)
    for value in good:
        load(path, {}, {key: value})
    for value in bad:
        with pytest.raises(ConfigError, match="expected: "):
            load(path, {}, {key: value})


def test_init__writes_a_file_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new.toml"
    assert main(["init", str(path)]) == 0
    assert path.read_text() == template()
    path.write_text("mine")
    assert main(["init", str(path)]) == 2
    assert path.read_text() == "mine" and "there is a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, code, says",
    [
        (["run", "--config", "nowhere.toml"], 3, "there is no file nowhere.toml"),
        (["run"], 3, "rpc is missing"),
        (["rum"], 2, "invalid choice"),
        (["run", "--rounds", "0"], 2, "--rounds is 0"),
        (["run", "--no-such"], 2, "--no-such"),
    ],
)
def test_main__mistake__message_and_exit_code(
    words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [s.variable for s in SETTINGS]:
        monkeypatch.delenv(name, raising=False)
    assert main(words) == code
    said = capsys.readouterr().err
    assert said.startswith("error: ") and says in said


def test_template__filled_in__the_same_values_come_back_and_comments_stay(tmp_path: Path) -> None:
    flags = {
        "rpc": "http://a:1,http://b:2",
        "ws": "ws://a:1",
        "deployment": str(tmp_path / "d.json"),
        "keystore": "/elsewhere/key.json",
        "fee_cap": "0.5",
        "poll_interval": "2",
        "store.folder": str(tmp_path / "inner" / "weights"),
        "store.allow_remote": "true",
        "learner.factory": "m:f",
        "log.level": "debug",
        "metrics.listen": "127.0.0.1:1",
    }
    options = {"a": 1, "text": 'é"\\ \x7f𝄞\n', "flag": True, "list": [1.5, "x"], "table": {"b c": 1}}
    values = values_for(flags, options, None, None)
    assert missing(values) == []
    text = template(values, tmp_path)
    config = load(write(tmp_path, text), {}, {})
    assert {s.attribute: getattr(config, s.attribute) for s in SETTINGS if s.key in values} == {
        s.attribute: values[s.key] for s in SETTINGS if s.key in values
    }
    assert config.learner_options == options and config.password_file is None and config.store_ipfs is None
    assert 'deployment = "d.json"' in text and '"/elsewhere/key.json"' in text
    comments = [line for line in template().splitlines() if line.startswith("# ") and " = " not in line]
    assert set(comments) - {"# [learner.options]"} <= set(text.splitlines())


def test_init__flags_and_options__a_file_that_lacks_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["--rpc", "http://a:1", "--store-ipfs", "/ip4/127.0.0.1/tcp/1", "--learner", "m:f", "--keystore", "k.json"]
    assert main(["init", "n.toml", *words, "--deployment", "d.json", "--options", "seed=1", "of=x"]) == 0
    assert capsys.readouterr().out == "wrote n.toml: colearn-node check --config n.toml\n"
    config = load(tmp_path / "n.toml", {}, {})
    assert config.learner_options == {"seed": 1, "of": "x"} and config.keystore == tmp_path / "k.json"
    assert main(["init", "m.toml", "--learner", "m:f"]) == 0
    assert "fill in rpc, deployment, keystore, store.ipfs, then: " in capsys.readouterr().out


def test_init__deployment_in_the_working_folder__names_the_endpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_deployment(RECORD, tmp_path / "deployment.json")
    (tmp_path / "nodes").mkdir()
    words = ["--learner", "m:f", "--store-folder", "w"]
    assert main(["init", "nodes/n.toml", *words]) == 0
    config = load(tmp_path / "nodes" / "n.toml", {}, {})
    assert config.rpc == RECORD.rpc and config.deployment == tmp_path / "deployment.json"
    assert config.store_folder == tmp_path / "w"


@pytest.mark.parametrize(
    "words, code, says",
    [
        (["--stakeholder", "1"], 2, "--stakeholder without --network"),
        (["--network", "nowhere", "--stakeholder", "1"], 2, "nowhere holds no local network"),
        (["--store-ipfs", "x", "--store-folder", "y"], 2, "--store-ipfs and --store-folder together"),
        (["--options", "5"], 2, "the option '5' has no name"),
        (["--options", "a=[null]"], 2, "TOML has no null"),
        (["--poll-interval", "no"], 3, "--poll-interval is 'no'"),
        (["--learner", "m"], 3, "--learner-factory is 'm'"),
        (["nowhere/n.toml"], 3, "can't be written"),
    ],
)
def test_init__mistake__one_message_and_no_file(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = [] if words[0].endswith(".toml") else ["n.toml"]
    assert main(["init", *path, *words]) == code
    said = capsys.readouterr().err
    assert said.startswith("error: ") and says in said and list(tmp_path.iterdir()) == []


def test_load__true_where_a_number_belongs__is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"poll_interval in .* is True"):
        load(write(tmp_path, "poll_interval = true\n" + GOOD), {}, {})


def test_config__what_is_read__is_what_the_node_uses(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace('folder = "weights"', 'ipfs = "/ip4/127.0.0.1/tcp/1"\nallow_remote = true'))
    config = load(path, {}, {"metrics.listen": " [::1]:9464 "})
    assert config.metrics_listen == "[::1]:9464"
    assert config.store == StoreSpec("/ip4/127.0.0.1/tcp/1", None, True)
    assert load(write(tmp_path), {}, {}).store == StoreSpec(None, tmp_path / "weights", False)
    assert config.learner == LearnerSpec("my_module:make", {"index": 3}, (tmp_path,))
