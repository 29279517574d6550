"""Test accuracy of the two milestones that read digits: over seeds, as trained, with int8 weights,
with half of the weights or filters.

`bench_milestones.py [SEEDS [cnn|vit ...]]`: 5 seeds of the initial weights and both networks by default (some ten
minutes). The networks and their training are those of the pages in `src/milestones/`.
"""
import copy
import json
import os
import sys
from pathlib import Path
from time import perf_counter, process_time
from types import FunctionType

import bench_forward  # noqa: F401  first: it keeps the BLAS to one thread

os.environ["MPLBACKEND"] = "agg"
import numpy as np

from tinytorch.core.optimizers import AdamW
from tinytorch.perf.compression import magnitude_prune

PAGES = Path(__file__).resolve().parents[2] / "src" / "milestones"
LEAST = {"cnn": 0.97, "vit": 0.94}
LOST = {"int8": 0.01, "half of the weights": 0.02, "half of the filters": 0.02, "half of the blocks": 0.02}  # at most
TRAINING_S = 30


def page(name):
    "The names that a page's cells define, up to its first training."
    scope = {}
    for cell in json.loads((PAGES / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code": continue
        if source.startswith("losses = train("): return scope
        exec(compile(source, name, "exec"), scope)
    raise ValueError(f"{name} trains nothing")


def variants(of, model):
    "(name, a function that makes it of a copy of `model`), those of the page and half of the weights."
    yield "int8", lambda m: of["quantize_model"](m, of["X_train"][:200])
    yield "half of the weights", lambda m: again(of | {"AdamW": Held}, magnitude_prune(m, 0.5))
    if "remove_zero_columns" in of:
        yield "half of the filters", lambda m: again(of, of["remove_zero_columns"](of["structured_prune"](m, 0.5)))
    else:
        yield "half of the blocks", lambda m: again(of, without_its_last_block(m))


def without_its_last_block(model):
    del model.blocks[1]
    return model


class Held(AdamW):
    "An optimizer under which what is 0 stays 0."

    def step(self):
        zeros = [p.data == 0 for p in self.params]
        super().step()
        for p, zero in zip(self.params, zeros): p.data[zero] = 0


def again(of, model):
    "`model`, trained on as its page does it, with the names in `of`."
    train = of["train"]
    FunctionType(train.__code__, of, argdefs=train.__defaults__)(model, of["retrain_epochs"])
    return model


def accuracy(of, model):
    return float(np.mean(model(of["X_test"]).data.argmax(axis=1) == of["y_test"]))


def row(of, make, seed):
    "{what: accuracy}, and seconds of training: by the wall, and of this process."
    np.random.seed(seed)
    model, wall, own = make(), perf_counter(), process_time()
    of["train"](model, of["epochs"])
    wall, own = perf_counter() - wall, process_time() - own
    found = ({"float32": accuracy(of, model)}
             | {name: accuracy(of, change(copy.deepcopy(model))) for name, change in variants(of, model)})
    cells = "   ".join(f"{name} {value:.4f}" for name, value in found.items())
    print(f"  seed {seed}: {cells}   trained in {wall:.1f} s ({own:.1f} s of this process)", flush=True)
    return found, own


def bench(name, of, make, seeds):
    rows = [row(of, make, seed) for seed in range(seeds)]
    least = min(found["float32"] for found, _ in rows)
    print(
        f"{name}: float32 {least:.4f} at least (promise {LEAST[name]}: {'met' if least >= LEAST[name] else 'MISSED'})")
    for variant in list(rows[0][0])[1:]:
        lost = max(found["float32"] - found[variant] for found, _ in rows)
        print(f"{name}: {variant} loses {100 * lost:.2f} points at most (promise {100 * LOST[variant]:.0f}: "
              f"{'met' if lost <= LOST[variant] else 'MISSED'})")
    slowest = max(own for _, own in rows)
    print(f"{name}: trained in {slowest:.1f} s at most (promise {TRAINING_S}: "
          f"{'met' if slowest < TRAINING_S else 'MISSED'})")


if __name__ == "__main__":
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for name in sys.argv[2:] or LEAST:
        of = page({"cnn": "01_cnn_digits", "vit": "02_vision_transformer"}[name])
        bench(name, of, of["SimpleCNN" if name == "cnn" else "VisionTransformer"], seeds)
