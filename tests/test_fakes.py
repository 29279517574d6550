"""Whatever ordinary code does to what a test hands it, the answer is an ordinary one:
nobody is called a cheat for looking."""
import re

import pytest
from submissions import TRUSTED, box, graded, lost, notebook, save, solutions

from tinytorch_grader.cage import Bare, Limits

# tried on every argument of every function that a test calls, before the function does its work
POKE = '''
import copy, pickle, functools, inspect, operator, dataclasses, sys, weakref, json
def ways(x):
    T = type(x)
    yield lambda: T()
    yield lambda: T(x)
    yield lambda: copy.copy(x)
    yield lambda: copy.deepcopy(x)
    yield lambda: pickle.loads(pickle.dumps(x))
    yield lambda: vars(x)
    yield lambda: [getattr(x, n) for n in dir(x)]
    yield lambda: hash(x)
    yield lambda: (repr(x), str(x), f"{x}")
    yield lambda: setattr(x, "note", 1)
    yield lambda: delattr(x, "note")
    yield lambda: setattr(x, "forward", x.forward)
    yield lambda: delattr(x, "forward")
    yield lambda: isinstance(x, T) and issubclass(T, object)
    yield lambda: (x == x, x != x, x is x)
    yield lambda: x < x
    yield lambda: bool(x)
    yield lambda: len(x)
    yield lambda: list(x)
    yield lambda: x["a"]
    yield lambda: x.nothing_there
    yield lambda: x.costs
    yield lambda: inspect.signature(x)
    yield lambda: inspect.getsource(T)
    yield lambda: weakref.ref(x)
    yield lambda: json.dumps(x)
    yield lambda: (lambda **k: 0)(**x)
    yield lambda: x.forward.__self__
    yield lambda: T.forward
    yield lambda: T.__subclasses__()
    yield lambda: T.mro()
    yield lambda: type(T.__name__, (T,), {})()
    yield lambda: x.size_bytes()
    yield lambda: x.parameters()
    yield lambda: x.shape
    yield lambda: x.forward()
    yield lambda: x.forward(*range(100))
def poke(x):
    if isinstance(x, (int, float, str, bytes, bool, type(None))): return
    for way in ways(x):
        try: way()
        except Exception: pass
def poked(f):
    @functools.wraps(f)
    def g(*args, **kwargs):
        for a in (*args, *kwargs.values()): poke(a)
        return f(*args, **kwargs)
    return g
'''


def curious():
    "The reference, in which every function first tries everything on its arguments."
    found = solutions()
    for grade_id, source in found.items():
        names = re.findall(r"^def (\w+)\(", source, flags=re.MULTILINE)
        names += re.findall(r"^class (BenchmarkReport)", source, flags=re.MULTILINE)
        for name in names:
            what = f"{name}.benchmark_model" if name == "BenchmarkReport" else name
            found[grade_id] += f"\n{what} = poked({what})"
    return notebook(found, before={next(iter(found)): [POKE]})


@pytest.mark.parametrize("kind", ["cage", "bare"])
def test_a_curious_solution_keeps_its_points(kind, tmp_path):
    with (box() if kind == "cage" else Bare(TRUSTED, Limits())) as one:
        result = graded(one, save(tmp_path, curious()))
    assert (result.status, result.score, lost(result)) == ("graded", 95, set()), result.message
