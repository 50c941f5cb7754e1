"""The package as users get it: built, installed with its required packages alone, and used away from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import colearn_ledger

from .kit.dashboard import need_page

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run without what would lead back to this checkout or its environment."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "UV_PYTHON"))}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made from the source distribution, so that this one is tested, too."""
    dist = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, ROOT, cwd=dist)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = dist.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty virtual environment into which the wheel was installed, with the versions of the lock."""
    folder = tmp_path_factory.mktemp("wheel")
    uv = (sys.executable, "-m", "uv")
    for command in (
        (*uv, "venv", "--python", sys.executable, "env"),
        (*uv, "pip", "install", "--python", "env", "--constraint", ROOT / "requirements.lock", wheel),
    ):
        done = run(*command, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder / "env"


def test_wheel__files__package_and_artifact_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"colearn_ledger/artifacts/CollectiveLearning.json", "colearn_ledger/py.typed"} <= names
    info = f"colearn_ledger-{colearn_ledger.__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"colearn_ledger", "colearn_node", info}
    assert f"{info}/licenses/LICENSE" in names
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "colearn_ledger").rglob("*.py")}
    sources |= {path.relative_to(ROOT / "node").as_posix() for path in (ROOT / "node").rglob("*.py")}
    assert sources <= names
    assert {f"colearn_ledger/network/kubo/go.{kind}" for kind in ("mod", "sum")} <= names, "what Kubo is built from"


def test_wheel__the_dashboards_page__is_inside_with_the_licences_of_what_it_is_made_of(
    wheel: Path, environment: Path, tmp_path: Path
) -> None:
    need_page()
    names = [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("colearn_ledger/dashboard/page/")]
    assert {Path(name).name for name in names} == {"index.html", "icon.svg", "app.js", "app.css", "licences.txt"}
    script = "from colearn_ledger.dashboard.server import read_page; print(sum(map(len, read_page().values())))"
    done = run(environment / "bin" / "python", "-c", script, cwd=tmp_path)
    assert done.returncode == 0 and int(done.stdout) > 50_000, done.stderr


def test_wheel__program__version_and_help(environment: Path, tmp_path: Path) -> None:
    program = environment / "bin" / "colearn-ledger"
    done = run(program, "--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{colearn_ledger.__version__}\n"), done.stderr
    done = run(program, "--help", cwd=tmp_path)
    assert done.returncode == 0 and "demo" in done.stdout, done.stderr


def test_wheel__demo_without_the_frameworks__one_clear_message(environment: Path, tmp_path: Path) -> None:
    done = run(environment / "bin" / "colearn-ledger", "demo", cwd=tmp_path)
    assert done.returncode not in (0, 1)
    assert "\nerror: " in "\n" + done.stderr and "FILE.whl[" in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_wheel__artifact_and_rounds_on_the_embedded_ledger__work(environment: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "own_learner.py", tmp_path)
    script = (
        "import colearn_ledger, own_learner\n"
        "from colearn_ledger.chain.artifact import load_artifact\n"
        "print(colearn_ledger.__file__)\n"
        "print(load_artifact().name)\n"
        "learners = [own_learner.LineLearner(seed) for seed in range(3)]\n"
        "results = colearn_ledger.run(2, learners, backend=colearn_ledger.EmbeddedLedger())\n"
        "print([r.accepted for r in results.rounds])\n"
    )
    done = run(environment / "bin" / "python", "-c", script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    where, name, outcomes = done.stdout.splitlines()
    assert Path(where).is_relative_to(environment)
    assert name == "CollectiveLearning"
    assert outcomes == "[True, True]"


# What each extra is for, with random data: it works with nothing else installed than what it brings.
DATA = (
    "import numpy as np\n"
    "from colearn_ledger import run\n"
    "x, y = np.random.default_rng(1).normal(size=(60, 3)).astype('float32'), np.arange(60) % 2\n"
    "data = (x, y)\n"
)
EXTRAS = {
    "keras": DATA + "import keras\n"
    "from colearn_ledger.learners.keras import KerasLearner\n"
    "def make(i):\n"
    "    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, 'sigmoid')])\n"
    "    model.compile('sgd', 'binary_crossentropy', metrics=['accuracy'])\n"
    "    return KerasLearner(model, data, data, data, seed=i)\n"
    "print(len(run(1, [make(0), make(1)]).rounds))\n",
    "sklearn": "from colearn_ledger import EmbeddedLedger, run\n"
    "from colearn_ledger.tasks import get_task\n"
    "print(len(run(1, get_task('IRIS').make_learners(3).learners, backend=EmbeddedLedger()).rounds))\n",
    "xgboost": DATA + "from colearn_ledger.learners.xgboost import XGBoostLearner\n"
    "kind = {'objective': 'binary:logistic'}\n"
    "print(len(run(1, [XGBoostLearner(kind, data, data, data, seed=i) for i in (0, 1)]).rounds))\n",
    "torch": DATA + "import torch\n"
    "from colearn_ledger.learners.torch import TorchLearner\n"
    "learners = [TorchLearner(torch.nn.Linear(3, 2), data, data, data, seed=i) for i in (0, 1)]\n"
    "print(len(run(1, learners).rounds))\n",
    # The exporters' packages, beside the framework that they are for; the runtime opens what was written.
    "keras,onnx": DATA + "import keras, onnxruntime\n"
    "from colearn_ledger.learners.keras import KerasLearner\n"
    "model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, 'sigmoid')])\n"
    "model.compile('sgd', 'binary_crossentropy', metrics=['accuracy'])\n"
    "KerasLearner(model, data, data, data).save_onnx('out')\n"
    "opened = onnxruntime.InferenceSession('out/model.onnx', providers=['CPUExecutionProvider'])\n"
    "print(opened.run(None, {opened.get_inputs()[0].name: x})[0].size // 60)\n",
    "torch,onnx": DATA + "import onnxruntime, torch\n"
    "from colearn_ledger.learners.torch import TorchLearner\n"
    "TorchLearner(torch.nn.Linear(3, 2), data, data, data).save_onnx('out')\n"
    "opened = onnxruntime.InferenceSession('out/model.onnx', providers=['CPUExecutionProvider'])\n"
    "print(opened.run(None, {opened.get_inputs()[0].name: x})[0].size // 120)\n",
    "llm": "import torch, transformers\n"
    "from colearn_ledger import run\n"
    "from colearn_ledger.learners.peft import PeftLearner\n"
    "config = transformers.LlamaConfig(vocab_size=9, hidden_size=8, intermediate_size=8, num_hidden_layers=1,\n"
    "    num_attention_heads=2)\n"
    "base = transformers.LlamaForCausalLM(config)\n"
    "rows = torch.randint(9, (30, 8)).numpy()\n"
    "learners = [PeftLearner(base, rows, rows, rows, seed=i) for i in (0, 1)]\n"
    "print(len(run(1, learners).rounds))\n",
    "lightning": DATA + "import lightning, torch\n"
    "from torch.utils.data import DataLoader, TensorDataset\n"
    "from colearn_ledger.learners import LightningLearner\n"
    "class Module(lightning.LightningModule):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.net = torch.nn.Linear(3, 2)\n"
    "    def training_step(self, batch, i): return torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])\n"
    "    def validation_step(self, batch, i): self.log('loss', self.training_step(batch, i))\n"
    "    def configure_optimizers(self): return torch.optim.SGD(self.parameters(), lr=0.1)\n"
    "sets = [DataLoader(TensorDataset(torch.tensor(x), torch.tensor(y)), 30)] * 3\n"
    "print(len(run(1, [LightningLearner(Module(), *sets, loss='loss', seed=i) for i in (0, 1)]).rounds))\n",
    "trainer": DATA + "import torch, transformers\n"
    "from colearn_ledger.learners import TrainerLearner\n"
    "class Module(torch.nn.Module):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.net = torch.nn.Linear(3, 2)\n"
    "    def forward(self, x, labels):\n"
    "        logits = self.net(x)\n"
    "        return {'loss': torch.nn.functional.cross_entropy(logits, labels), 'logits': logits}\n"
    "rows = [{'x': a, 'labels': int(b)} for a, b in zip(x, y)]\n"
    "def make(i):\n"
    "    options = transformers.TrainingArguments('out', use_cpu=True, report_to=[])\n"
    "    trainer = transformers.Trainer(Module(), options, train_dataset=rows, eval_dataset=rows)\n"
    "    return TrainerLearner(trainer, seed=i)\n"
    "print(len(run(1, [make(0), make(1)]).rounds))\n",
    "flower": "from colearn_ledger import run\n"
    "from colearn_ledger.learners.flower_app import FlowerApp\n"
    f"app = FlowerApp({str(ROOT / 'tests' / 'learners' / 'apps' / 'numpy_lines')!r})\n"
    "kind = {'criterion': 'squared_errors', 'higher_is_better': False}\n"
    "print(len(run(1, [app.learner(i, 2, **kind) for i in (0, 1)]).rounds))\n",
    "privacy": "from colearn_ledger.learners.privacy import compute_noise\n"
    "print(round(compute_noise(8.0, 1e-5, rate=0.1, steps=10)) or 1)\n",
    "data": "from colearn_ledger.tasks.mnist_data import load_mnist\n"
    "print(len(load_mnist(download=False).x) // 5000)\n",
}


@pytest.mark.long
@pytest.mark.parametrize("extra", EXTRAS)
def test_wheel__one_extra_alone__does_what_it_is_for(wheel: Path, extra: str, tmp_path: Path) -> None:
    if extra == "flower" and sys.version_info < (3, 11):
        return  # Flower has none for it
    uv = (sys.executable, "-m", "uv")
    # Flower asks for other versions than the lock has: what goes together is found anew, as by a user's pip.
    like_locked = () if extra == "flower" else ("--constraint", ROOT / "requirements-all.lock")
    for command in (
        (*uv, "venv", "--python", sys.executable, "env"),
        (*uv, "pip", "install", "--python", "env", *like_locked, f"colearn-ledger[{extra}] @ {wheel.as_uri()}"),
    ):
        done = run(*command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    done = run(tmp_path / "env" / "bin" / "python", "-W", "ignore", "-c", EXTRAS[extra], cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["1"]), done.stdout + done.stderr
