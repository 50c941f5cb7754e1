"""What scripts/mutate_python.py goes by: modules that get faults, tests that are to see them, faults that may live."""

from __future__ import annotations

__all__ = ["FEWER", "FOLDERS", "IMPORTED_ONCE", "IN_OTHER_PROCESSES", "MARKS", "MAY_LIVE", "NAMES", "TESTS"]

# Folders, or single modules.
FOLDERS = (
    "colearn_ledger/backoff.py",
    "colearn_ledger/core",
    "colearn_ledger/chain",
    "colearn_ledger/history",
    "colearn_ledger/member",
    "node/colearn_node",
)

# So many faults a module instead, by room: where tests have chains or processes of their own.
FEWER = {"chain": 4, "history": 4, "member": 4, "node": 4}

_SUPERVISOR = tuple(f"tests/node/test_supervisor{about}.py" for about in ("", "_failures", "_trainings"))
_RESTARTS = tuple(
    f"tests/system/test_restart.py::{name}"
    for name in (
        "test_kill__while_the_learner_lets_no_other_thread_run__the_worker_ends_all_the_same",
        "test_signal__in_the_middle_of_a_training__leaves_within_ten_seconds",
    )
)
# Tests, or single ones of a file, beside tests/<room>/test_<module>.py. Those that need a chain or processes only where
# there are no others.
TESTS: dict[str, tuple[str, ...]] = {
    "backoff": ("tests/test_backoff.py",),
    "core/asking": ("tests/core/test_held.py",),
    "core/cid": ("tests/core/test_cid_nodes.py",),
    "core/learner": ("tests/core/test_asking.py", "tests/core/test_driver.py"),
    "core/probing": ("tests/core/test_check_learner.py",),
    "core/results": ("tests/core/test_driver.py",),
    "core/header": ("tests/core/test_weights.py",),
    "core/fitting": ("tests/core/test_schema.py", "tests/core/test_weights.py", "tests/core/test_tensors.py"),
    "core/schema": (
        "tests/core/test_roles.py",
        "tests/core/test_wire.py",
        "tests/core/test_weights.py",
        "tests/core/test_tensors.py",
    ),
    "core/summaries": ("tests/core/test_asking.py",),
    "core/skeleton": ("tests/core/test_tree.py", "tests/core/test_cycles.py", "tests/core/test_weights.py"),
    "core/tree": ("tests/core/test_header.py", "tests/core/test_weights.py", "tests/core/test_tensors.py"),
    "chain/answers": ("tests/chain/test_odd_answers.py",),
    "chain/bytecode": ("tests/chain/test_contract.py",),
    "chain/delivery": ("tests/chain/test_transactions.py",),
    "chain/deploy": ("tests/chain/test_contract.py",),
    "chain/endpoint": ("tests/chain/test_endpoints.py",),
    "chain/jsonrpc": ("tests/chain/test_odd_answers.py",),
    "chain/reverts": ("tests/chain/test_contract.py", "tests/chain/test_transactions.py"),
    "history/export": ("tests/history/test_read.py", "tests/cli/test_history.py"),
    "history/logs": ("tests/history/test_read.py",),
    "history/members": ("tests/history/test_read.py",),
    "history/motions": ("tests/history/test_read.py",),
    "history/types": ("tests/history/test_read.py",),
    "member/prepare": ("tests/member/test_verified.py",),
    "member/submit": ("tests/embedded/test_ledger.py::test_run__secret_votes__same_decisions_and_bytes",),
    "node/check": (
        "tests/system/test_check_learner.py",
        "tests/system/test_mistakes.py::test_check__all_is_well__0_and_a_line_for_everything",
        "tests/node/test_assemble.py",
        "tests/node/test_cli.py",
    ),
    "node/cli": (
        "tests/cli/test_program.py",
        "tests/docs/test_cli_reference.py",
        "tests/node/test_settings.py",
        _RESTARTS[1],
    ),
    "node/init": ("tests/node/test_settings.py",),
    "node/task_learner": ("tests/tasks/test_training.py",),
    "node/template": ("tests/node/test_settings.py",),
    "node/node": tuple(
        f"tests/node/test_node_{about}.py"
        for about in ("agreed", "endpoints", "joint", "outcomes", "run", "transactions")
    ),
    "node/worker/answers": ("tests/node/test_worker_codec.py", *_SUPERVISOR),
    "node/worker/border": ("tests/node/test_worker_codec.py", "tests/node/test_worker_process.py"),
    "node/worker/main": ("tests/node/test_worker_main.py", "tests/node/test_worker_process.py", *_RESTARTS),
    "node/worker/supervisor": _SUPERVISOR,
}

# Which tests, by their marks, where it is not those that aren't slow.
MARKS: dict[str, str] = {
    **dict.fromkeys(("node/cli", "node/demo", "node/worker/main"), "slow or not slow"),
    **dict.fromkeys(
        (
            "chain/endpoints",
            "chain/patience",
            "core/cid",
            "core/header",
            "core/limits",
            "core/weights",
            "history/gas",
            "history/trainings",
            "member/mapped",
            "member/prepare",
            "member/verified",
            "node/check",
            "node/heads",
            "node/metrics",
            "node/worker/border",
            "node/worker/process",
        ),
        "not long",
    ),
}

# By their names, whatever the module: tests that import TensorFlow take longer for it than all others together.
NAMES = "not tensorflow and not keras"

# Modules that run in processes of their own, where nobody sees which lines a test runs.
IN_OTHER_PROCESSES = {"node/cli", "node/worker/main", "node/worker/process"}

# Packages without threads of their own: TensorFlow and PyTorch don't outlive a fork.
IMPORTED_ONCE = ("numpy", "pytest", "hypothesis", "web3", "eth_tester", "eth_account", "rich", "urllib3", "websockets")

# Faults that no test sees, and why they may live: "module: text" as the command prints it.
MAY_LIVE: dict[str, str] = {
    "core/tree: tree_json: `False` -> `True` in `return json.dumps(_tags(skeleton), separators=(',', ':'), sort_keys="
    "Tr … cii=False, allow_nan=False)` (2)": "a number that isn't finite was refused when the skeleton was made",
    "core/check_learner: _Trial.same: `return False` -> `return None`": "asked for its truth alone",
    "core/check_learner: warnings_about: `3` -> `4` in `where = ', '.join(map(shown, opaque[:3])) + "
    "(', …' if len(opaque) > 3 else '')` (2)": "of four places, whether dots say that there is one more",
    "core/held: Held.tree: `True` -> `False` in `return decode(self.data, self.schema, verified=True)`": "the same "
    "tree, checked twice: only slower",
    "core/tensors: _tensor: `array.dtype == bfloat16()` -> `array.dtype != bfloat16()`": "asked of PyTorch's tensors "
    "alone, in tests/core/test_torch_tensors.py",
    "core/header: _leaf: `63` -> `64` in `if not all((type(n) is int and 0 <= n < 1 << 63 for n in shape)):`": "what "
    "is too long for numpy is refused a few lines below, too, in other words",
    "core/check_learner: _scribble: `callable(getattr(array, 'detach', None))` -> `not callable(getattr(array, 'det"
    "ach', None))`": ("asked of PyTorch's tensors alone, which tests/core has none of"),
    "chain/delivery: module: `0.25` -> `0.5` in `_FIRST_POLL_S, _LONGEST_POLL_S = (0.005, 0.25)`": (
        "how often it asks for a receipt"
    ),
    "chain/deploy: deploy: `15` -> `16` in `def deploy(web3: Web3, account: LocalAccount, genesis: Genesis, *, tim … "
    "dress: None) -> Deployment:`": ("how long it has patience"),
    "chain/keys: make_key: `False` -> `True` in `password = _new_password() if password_file is None else _password("
    "keystore, password_file, False)`": ("whoever names a password file isn't asked for a password"),
    "chain/reach: reaching: `'check that the endpoint is reachable and synced'` -> `'check that the endpoint is reac"
    "hable and syncedX'`": ("what only people read"),
    "chain/snapshot: _round_record: `0` -> `1` in `proposed = raw['id'] != _ZERO_HASH or raw['size'] > 0`": (
        "weights of one byte are none"
    ),
    "chain/transactions: Sender.watch_funds: without `self._sent += 1`": "how often an account is warned",
    "chain/transactions: Sender.watch_funds: `balance < _FUNDS_LOW * receipt.gas * price` -> `balance <= _FUNDS_LOW "
    "* receipt.gas * price`": ("one wei earlier"),
    "chain/transactions: Sending.__init__: `0` -> `1` in `chain = {'chainId': sender.contract.chain_id, 'gas': 0, 'g"
    "asPrice': 0, 'nonce': 0, 'value': 0}`": ("only the call's data is taken from what is made with it"),
    "history/follow: follow_history: `0` -> `1` in `def follow_history(look: Callable[[], Snapshot], following: int,"
    " *, de … None) -> Iterator[History]:`": ("a chain's first block has no transactions"),
    "history/follow: follow_history: `1.0` -> `2.0` in `def follow_history(look: Callable[[], Snapshot], following: "
    "int, *, de … None) -> Iterator[History]:`": ("how often it looks"),
    "member/prepare: Preparer._adopt: without `held.data = self._verified.take(ref)`": (
        "what it has adopted is encoded again when it is needed: only slower"
    ),
    "node/leaving: leaving_when_told: `5.0` -> `10.0` in `@contextlib.contextmanager`": "how long it has patience",
    "node/check: Findings.compare_clocks: `abs(ahead) > 2` -> `abs(ahead) >= 2`": (
        "which of two sentences is printed at two seconds exactly"
    ),
    "node/check: Findings.try_store: `0` -> `1` in `return Line('store', f'Kubo {version}, {peers} peers, {have}', "
    "note=peers == 0)`": ("whether a line is marked for people; it needs an IPFS daemon"),
    "node/demo: module: `'TF_NUM_INTRAOP_THREADS'` -> `'TF_NUM_INTRAOP_THREADSX'`": (
        "speed; and tests set it for all processes"
    ),
    "node/demo: set_up: `api` -> `not api` in `store = StoreSpec(api or None, None if api else network.folder / 'we"
    "ights').open()`": ("needs IPFS daemons, as tests/system/test_networks.py has them; a folder goes first"),
    "node/fleet: Fleet.__init__: `10.0` -> `20.0` in `def __init__(self, configs: Mapping[str, Path], flags: Sequen"
    "ce[str],  … ave_s: float=10.0) -> None:`": ("how long it has patience"),
    "node/heads: module: `1` -> `2` in `_SUBSCRIBE = json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'eth_sub … ',"
    " 'params': ['newHeads']})`": ("any number will do"),
    "node/heads: try_subscription: `10` -> `11` in `with connect(url, open_timeout=10) as socket:`": (
        "how long it has patience"
    ),
    "node/heads: _subscribe: `10` -> `11` in `answer = json.loads(socket.recv(timeout=10))`": (
        "how long it has patience"
    ),
    "node/heads: HeadSubscription._listen: `10` -> `11` in `with connect(self._url, open_timeout=10, ping_interval="
    "20) as socket:`": ("how long it has patience"),
    "node/heads: HeadSubscription._listen: `20` -> `21` in `with connect(self._url, open_timeout=10, ping_interval="
    "20) as socket:`": ("how long it has patience"),
    "node/health: Health.__init__: without `self._working = False`": "set together with what is asked before it",
    "node/metrics: Metrics.__init__: without `self._server.daemon_threads = True`": (
        "closing would wait for clients that say nothing, ten seconds at most"
    ),
    "node/retention: Retention.__init__: without `self._parent_round = 0`": "set before it is read",
    "chain/delivery: InFlight._send: `return False` -> `return None`": "asked for its truth alone",
    "chain/delivery: InFlight._failed: `self._failures & self._failures - 1 == 0` -> `self._failures & self._failure"
    "s - 1 != 0`": ("how often it is logged"),
    "core/failures: _own_text: `return ''` -> `return None`": "asked for its truth alone",
    "member/prepare: Preparer._train: `True` -> `False` in `own_test = ask_judge(self.learner, Weights(decode(data, "
    "self.schema, v … self.name, held=self._held)`": ("the same weights, checked twice: only slower"),
    "node/worker/process: WorkerProcess.__init__: without `on_failure.enter_context(self._socket)`": (
        "a socket that nobody holds is closed all the same"
    ),
    "node/worker/supervisor: WorkerSupervisor._hangs: `self._now() - self._since > self._job.deadline_s + self._hang"
    "_s * (1 < … lf._hung, _MOST_DOUBLINGS))` -> `self._now() - self._since >= self._job.deadline_s + self._hang_s *"
    " (1  … lf._hung, _MOST_DOUBLINGS))`": ("one instant earlier"),
    "node/node: Node._follow: `return False` -> `return None` (3)": "asked for its truth alone",
    "node/worker/main: module: `1` -> `2` in `_PR_SET_PDEATHSIG = 1`": "its guard, a shell, ends it with the node, too",
    "node/worker/main: module: `16` -> `17` in `_MOST_TRACE = 1 << 16`": "how much of a trace is shown",
    "node/node: Node._look: `self._clock(view) > view.deadline` -> `self._clock(view) >= view.deadline`": (
        "one instant earlier"
    ),
}
