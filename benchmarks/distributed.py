"""Two processes on a slow link: bytes, step time and final score of each way to exchange gradients.

The link is the loopback device of a network namespace of its own, shaped by `tc tbf`; both directions share its rate,
as on a link that is busy both ways. A step is the whole of forward, backward and exchange of a network of 2.2 million
weights; the ways take turns, and ratios are medians over rounds. Beside ours, PyTorch's own DDP runs with and without
its fp16 hook. Bytes are those that the kernel counts on the device (headers and acknowledgements included), for one
rank. The score is the accuracy on handwritten digits that no training has seen, over seeds.

    python benchmarks/distributed.py [--rounds 5] [--seeds 3] [--links loopback,1gbit,200mbit]

Without the right to make a namespace (root, or unprivileged user namespaces) it says so and measures loopback alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LINKS = {"loopback": "", "1gbit": "1gbit", "200mbit": "200mbit"}
OURS = ("plain", "fp16", "int8", "int4", "powersgd")
PEERS = ("DDP", "DDP with its fp16 hook")
GOALS = {"1gbit": 2.4, "200mbit": 3.8}
BATCH, SCORED_EPOCHS = 128, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--links", default="loopback,1gbit,200mbit")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(options.inside, options.rounds, options.seeds)
        return
    links = options.links.split(",")
    if not namespaces():
        print("no network namespace can be made here (it takes root): only loopback is measured")
        links = ["loopback"]
    steps = {link: started(link, "steps", options) for link in links}
    told = started("loopback", "scores", options)
    text = rendered(steps, told, options)
    print(text)
    import results

    words = f" --rounds {options.rounds} --seeds {options.seeds} --links {','.join(links)}"
    results.write("Two processes on a slow link", command=f"python benchmarks/distributed.py{words}", text=text)


def namespaces() -> bool:
    """Whether a namespace with a shaped loopback can be made."""
    if not all(shutil.which(each) for each in ("unshare", "ip", "tc")):
        return False
    trial = "ip link set lo up && tc qdisc add dev lo root tbf rate 1gbit burst 256kb latency 400ms"
    return subprocess.run(["unshare", "-n", "sh", "-c", trial], capture_output=True, check=False).returncode == 0


def started(link: str, what: str, options: argparse.Namespace) -> dict[str, Any]:
    """What rank 0 says of two ranks on that link."""
    words = f"--rounds {options.rounds} --seeds {options.seeds} --inside {what}"
    ranks = [f"RANK={rank} {sys.executable} {Path(__file__)} {words}" for rank in range(2)]
    script = f"{ranks[1]} >/dev/null & {ranks[0]}; code=$?; wait $! && exit $code"
    alone = namespaces()  # nobody else's bytes are counted there
    if alone:
        shape = f" && tc qdisc add dev lo root tbf rate {LINKS[link]} burst 256kb latency 400ms" if LINKS[link] else ""
        script = f"ip link set lo up{shape} && {{ {script}; }}"
    command = [*(["unshare", "-n"] if alone else []), "sh", "-c", script]
    env = {**os.environ, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29519"}
    env |= {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    print(f"{what} over {link} ...", file=sys.stderr)
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def inside(what: str, rounds: int, seeds: int) -> None:
    """One of the two ranks."""
    import torch.distributed as dist

    from colonnade.core import progress
    from colonnade.core.distributed import joined, rank

    progress.quiet()
    with joined():
        found = steps_of(rounds) if what == "steps" else scores_of(seeds)
        dist.barrier()
        if rank() == 0:
            print(json.dumps(found))


def network(seed: int = 0) -> Any:
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(64, 1024), nn.GELU(), nn.Linear(1024, 1024), nn.GELU(), nn.Linear(1024, 1024), nn.GELU(),
            nn.Linear(1024, 10),
        )  # fmt: skip


def ways() -> dict[str, Callable[[], None]]:
    """One step of each way, on half of a batch each."""
    import torch
    from torch import nn
    from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import fp16_compress_hook
    from torch.nn.parallel import DistributedDataParallel

    from colonnade.core.distributed.exchange import Exchange, average
    from colonnade.core.training.deployment import Deployment, exchange_of

    x, y = torch.randn(BATCH // 2, 64), torch.randint(10, (BATCH // 2,))

    def ours(name: Any) -> Callable[[], None]:
        model, exchange = network(), exchange_of(Deployment(exchange=name))
        assert isinstance(exchange, Exchange)

        def step() -> None:
            model.zero_grad(set_to_none=True)
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            average(model, exchange, {"loss": float(loss)})

        return step

    def peer(hook: Any) -> Callable[[], None]:
        model = DistributedDataParallel(network())
        if hook is not None:
            model.register_comm_hook(None, hook)

        def step() -> None:
            model.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(model(x), y).backward()

        return step

    found = {name: ours(name) for name in OURS}
    return found | {PEERS[0]: peer(None), PEERS[1]: peer(fp16_compress_hook)}


def steps_of(rounds: int) -> dict[str, Any]:
    """Seconds by way and round, bytes a step of one rank, and what one process alone takes for the whole batch."""
    import torch
    import torch.distributed as dist
    from torch import nn

    from colonnade.core.distributed import rank

    steps, each = ways(), 3
    model, x, y = network(), torch.randn(BATCH, 64), torch.randint(10, (BATCH,))

    def alone() -> None:
        if rank() == 0:
            model.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(model(x), y).backward()

    steps["one process"] = alone
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    sent: dict[str, float] = {}
    for turn in range(rounds + 1):  # the first warms up: PowerSGD and DDP build what they keep
        for name, step in steps.items():
            dist.barrier()
            before, begun = carried(), time.perf_counter()
            for _ in range(each):
                step()
            took = time.perf_counter() - begun
            dist.barrier()
            sent[name] = (carried() - before) / each / 2
            if turn:
                seconds[name].append(took / each)
    return {"seconds": seconds, "bytes": sent, "weights": sum(p.numel() for p in model.parameters())}


def carried() -> int:
    """Bytes that the loopback device has sent, both ranks together."""
    line = next(line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("lo:"))
    return int(line.split(":")[1].split()[8])


def scores_of(seeds: int) -> dict[str, list[float]]:
    """Accuracy on held-out digits after the same training, by way and seed."""
    import torch
    from sklearn.datasets import load_digits
    from torch import nn

    from colonnade.core.data.batches import Batches
    from colonnade.core.training.deployment import Deployment
    from colonnade.core.training.loop import fit
    from colonnade.core.training.run import TrainingConfig

    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32) / 16
    y = torch.tensor(digits.target)
    found: dict[str, list[float]] = {name: [] for name in OURS}
    for seed in range(seeds):
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
        train, test = order[:1200], order[1200:]
        for name in OURS:
            model = network(seed)

            def step(rows: list[int], model: Any = model, train: Any = train) -> torch.Tensor:
                return nn.functional.cross_entropy(model(x[train[rows]]), y[train[rows]])

            config = TrainingConfig(epochs=SCORED_EPOCHS, rate=1e-3, patience=0, precision="fp32", seed=seed)
            batches = Batches(range(len(train)), list, size=BATCH, seed=seed)
            for _ in fit(model, batches, step, config=config, deployment=Deployment(exchange=name)):  # type: ignore[arg-type]
                pass
            with torch.no_grad():
                found[name].append(float((model(x[test]).argmax(1) == y[test]).float().mean()))
    return found


def rendered(steps: dict[str, Any], scores: dict[str, list[float]], options: argparse.Namespace) -> str:
    """The table, and which goals are reached."""
    import results

    first = next(iter(steps.values()))
    plain = first["bytes"]["plain"]
    links = list(steps)
    head = ["exchange", "MB a step and rank", "less traffic", "accuracy"]
    for link in links:
        head += [f"{link}: ms", "times faster"]
    rows = []
    for name in (*OURS, *PEERS):
        sent = first["bytes"][name]
        row = [name, f"{sent / 1e6:.2f}", f"{1 - sent / plain:.1%}"]
        row.append(results.spread(scores[name]) if name in scores else "")
        for link in links:
            row += [f"{1000 * statistics.median(steps[link]['seconds'][name]):.0f}", f"{faster(steps[link], name):.1f}"]
        rows.append(row)
    alone = faster(steps[links[0]], "one process", "plain")
    size = f"{first['weights'] / 1e6:.2f} million weights, {BATCH} rows a step"
    lines = [
        f"{size}, {options.rounds} rounds of 3 steps that take turns; accuracy on 597 held-out digits, mean and "
        f"range of {options.seeds} seeds.", "",
        results.table(head, rows), "",
        f"One process alone takes {1 / alone:.2f} times as long as two over {links[0]} for the same batch.", "",
        *goals(steps, scores),
    ]  # fmt: skip
    return "\n".join(lines)


def faster(run: dict[str, Any], name: str, than: str = "plain") -> float:
    """How many times faster a way is, the median of the rounds' ratios."""
    pairs = zip(run["seconds"][than], run["seconds"][name], strict=True)
    return statistics.median(slow / quick for slow, quick in pairs)


def goals(steps: dict[str, Any], scores: dict[str, list[float]]) -> list[str]:
    """A sentence for each goal."""
    first = next(iter(steps.values()))
    less = {name: 1 - first["bytes"][name] / first["bytes"]["plain"] for name in OURS}
    mean = {name: statistics.mean(scores[name]) for name in OURS}
    equal = [name for name in OURS if less[name] >= 0.75 and mean[name] >= mean["plain"] - 0.002]
    told = [f"Goal, 75 % less traffic at an accuracy at most .002 lower: {reached(equal)}."]
    for link, wanted in GOALS.items():
        if link in steps:
            gains = {name: faster(steps[link], name) for name in OURS}
            quick = [f"{name} ({gain:.1f})" for name, gain in gains.items() if gain >= wanted]
            told.append(f"Goal, {wanted} times faster steps at {link}: {reached(quick)}.")
    return told


def reached(names: list[str]) -> str:
    return f"reached by {', '.join(names)}" if names else "missed"


if __name__ == "__main__":
    main()
