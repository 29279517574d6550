"Student cells run as in Jupyter; tests run in another process, where nothing that a cell does reaches them."
import json
import sys

import pytest
import submissions
from submissions import TRUSTED, graded, lost, mark, notebook, save, solutions

from tinytorch_grader import intake
from tinytorch_grader.intake import Job, Step

RIGHT = solutions()


@pytest.fixture(scope="module")
def box():
    with submissions.box(seconds=20, memory_mb=1024, output_bytes=50_000) as b: yield b


@pytest.fixture
def grade(box, tmp_path):
    return lambda *args, **kw: graded(box, save(tmp_path, notebook(*args, **kw)))


def cells(box, *sources, role="extra"):
    return box.run(Job(1, [Step(f"c{i}", role, source) for i, source in enumerate(sources)]))


def shown(outcome, i=0):
    return "".join(o.get("text", "") for o in outcome.verdicts[f"c{i}"].outputs)


def test_the_reference_gets_every_point_and_an_untouched_release_none(grade):
    result = grade()
    assert ((result.status, lost(result), result.score, result.max_score, result.needs_manual)
            == ("graded", set(), 95, 100, True))
    assert result.notes == [] and result.parts["reflection"]["message"] == "graded by hand"
    result = grade(release=True)
    assert (result.status, result.score, result.needs_manual) == ("graded", 0, False)
    assert all(part["message"] for part in result.parts.values())
    assert (result.parts["part1-forward"]["message"].startswith("not written yet")
            and result.parts["reflection"]["message"] == "nothing written")


def test_a_mistake_loses_its_own_points_and_no_others(grade):
    result = grade({"part2-timing": RIGHT["part2-timing"].replace("/ 1e6", "/ 1e9")})
    assert lost(result) == {"part2-timing-units"} and "milliseconds" in result.parts["part2-timing-units"]["message"]


AS_IN_JUPYTER = {
    "x = 6\nx * 7": "42", "x = 6\nx * 7;": "", "None": "", "print('a'); 'b'": "a\n'b'",
    "%matplotlib inline\nprint(1)": "skipped: %matplotlib inline\n1\n", "!ls -l\nprint(2)": "skipped: !ls -l\n2\n",
    "files = !ls\nprint(files)": "skipped: !ls\n[]\n", "%time y = 3\nprint(y)": "3\n", "%%time\nz = 4\nprint(z)": "4\n",
    "%%timeit -n 10\nprint(5)": "5\n", "%%bash\nrm -rf /": "skipped: %%bash \n",
    "pip install torch": "skipped: %pip install torch\n", "pip install torch\nprint(6)": "SyntaxError",
    "len?": "skipped: len?\n", "  print(7)": "7\n",
    "if True:\n    %load_ext autoreload\n    print(8)": "skipped: %load_ext autoreload\n8\n",
    "text = '''\n%time\n!ls'''\n%pwd\nprint(len(text))": "skipped: %pwd \n10\n",
    "import asyncio\nasync def f(): return 9\nprint(await f())": "9\n",
    "import asyncio\nawait asyncio.sleep(0, 10)": "10",
    "%%writefile note.txt\nhello": "", "get_ipython().run_line_magic('config', 'x')": "skipped: %config x\n",
    "import sys\nprint(11, file=sys.stderr)": "11\n", "input('?')": "EOFError", "1 +": "SyntaxError",
    "exit()": "SystemExit",
    "!pip install scipy \\\n    pandas\nprint(13)": "skipped: !pip install scipy      pandas\n13\n",
    "%timeit abs(\\\n  -1)\nprint(14)": "14\n",
    "def f(): print(15)\n%prun -s cumulative f()": "15\n", "%prun -l 10 -s time print(16)": "16\n",
    "%time 1 +\nprint(17)": "skipped: %time 1 +\n17\n",
    "%%time\r\nprint(18)\r\n": "18\n", "%%timeit x = 19\nprint(x)": "19\n",
    "r = %timeit -o -n 1 1\nprint(r.average < 1, r.loops)": "True 1\n",
    "%capture cap\nprint(20)": "skipped: %capture cap\n20\n",
    "import pdb\npdb.set_trace()\nprint(21)": "skipped: pdb.set_trace()\n21\n",
    "handle = display(1, display_id=True)\nhandle.update(22)": "22", "from IPython.display import display\ndisplay(12)":
        "12", "import IPython\nIPython.get_ipython().magic('%who x')": "skipped: %who x\n",
}


@pytest.mark.parametrize("source", AS_IN_JUPYTER)
def test_a_student_cell_behaves_as_in_jupyter(box, source):
    outcome, want = cells(box, source), AS_IN_JUPYTER[source]
    step = outcome.verdicts["c0"]
    if want.endswith("Error") or want == "SystemExit": assert not step.ok and step.error.ename == want
    else:
        assert (step.ok
                and shown(outcome) + "".join(o["data"]["text/plain"] for o in step.outputs if "data" in o) == want)


CELLS = {("from __future__ import annotations", "class A:\n    def f(self) -> Nope: return 1\nA().f()"): "1",
         ("import __future__\n1 / 2", "def f(x: undefined): pass"): None,
         ("%%writefile helper.py\ndef f(): return 5", "import helper\nhelper.f()", "%%writefile more.py\nx = 6",
          "from more import x\nx"): "6",
         ("%%capture cap\nprint('a'); display('b')",
          "cap.show()\n(cap.stdout, cap.stderr, len(cap.outputs))"): "a\n'b'('a\\n', '', 1)",
         ("%%capture --no-stderr cap\n1 / 0", "cap.stdout"): "''", ("import exam",): None, ("import server",): None,
         ("import capstone_checks",): None,
         ("import IPython, sys\nround = list = max = sum = gc = monitoring = type = 1\nround",): "1"}


@pytest.mark.parametrize("sources", CELLS)
def test_student_cells_follow_each_other_as_in_jupyter(box, sources):
    outcome, want = cells(box, *sources), CELLS[sources]
    last = outcome.verdicts[f"c{len(sources) - 1}"]
    assert last.ok == (want is not None)
    if want:
        assert ("".join(o.get("text", "") or o["data"]["text/plain"] for o in last.outputs) == want
                and not outcome.verdicts["c0"].outputs[1:])


def test_rich_outputs_and_figures_are_kept_modestly(box):
    outcome = cells(box,
                    "class R:\n    def _repr_html_(self): return '<b>x</b>'\n    def __repr__(self): return 'R'\nR()",
                    "import matplotlib.pyplot as plt\nfor _ in range(30): plt.figure()\nplt.plot([1, 2])",
                    "class Bad:\n    def __repr__(self): raise KeyboardInterrupt\nBad()",
                    "from IPython.display import HTML, display\nfor _ in range(1000): display(HTML('x' * 5000))")
    assert outcome.status == "graded" and all(verdict.ok for verdict in outcome.verdicts.values())
    assert outcome.verdicts["c0"].outputs[0]["data"] == {"text/plain": "R", "text/html": "<b>x</b>"}
    assert 0 < sum("image/png" in o.get("data", {}) for o in outcome.verdicts["c1"].outputs) <= 11
    assert "KeyboardInterrupt" in outcome.verdicts["c2"].outputs[0]["data"]["text/plain"]
    assert len(json.dumps(outcome.verdicts["c3"].outputs)) < 3 * 50_000


MUCH = {"interleaved": "import sys\nfor i in range(100_000):\n    print(i % 10)\n    print('.', file=sys.stderr)",
        "kinds": "display({str(i): '' for i in range(300_000)}, raw=True)",
        "one line of a traceback": "def f(n): '" + "\x01" * 190_000 + "'; f(n - 1) if n else 1 / 0\nf(40)"}


@pytest.mark.parametrize("name", MUCH)
def test_no_amount_of_output_is_taken_for_tampering(box, name):
    outcome = cells(box, MUCH[name], "print(1)")
    assert outcome.status == "graded" and outcome.verdicts["c0"].outputs and shown(outcome, 1) == "1\n"
    if name == "interleaved": assert shown(outcome).startswith("0\n.\n1\n.\n") and len(shown(outcome)) > 45_000


def test_an_error_shows_the_student_lines_alone(box):
    step = cells(box, "def f():\n    return 1 / 0\nx = 1\nf()").verdicts["c0"]
    shown = "\n".join(step.outputs[0]["traceback"])
    assert step.error.ename == "ZeroDivisionError" and step.error.at == ("c0", 2)
    assert "line 2, in f: return 1 / 0" in shown and "exam" not in shown


def test_noise_never_fails_a_right_solution(grade):
    noisy = (RIGHT["part1-model"] + "\nimport sys, warnings\nwarnings.warn('old'); print('x' * 1000, file=sys.stderr)\n"
             "from tqdm import tqdm\nfor _ in tqdm(range(3)): pass\n")
    loud = RIGHT["part2-accuracy"].replace(
        "### BEGIN SOLUTION",
        "import sys, warnings; warnings.warn('w'); print('noise', file=sys.stderr); print('\\r50%|###', end='')")
    assert lost(grade({"part1-model": noisy, "part2-accuracy": loud})) == set()


@pytest.mark.parametrize("end", ["raise SystemExit(0)", "import sys; sys.exit()", "raise KeyboardInterrupt",
                                 "raise GeneratorExit", "exit()"])
def test_a_test_that_did_not_run_to_its_end_never_passes(grade, end):
    result = grade({"part4b-optimize": f"def optimize_model(*_):\n    {end}"})
    assert lost(result) == {"part4b-optimize-check"} and result.status == "graded"


SABOTAGE = {
    "check": "def check(*_, **__): pass\nnear = check_forward = check_rule = check_number = answer_of = check",
    "numpy": "import numpy as np\nnp.allclose = np.array_equal = np.all = lambda *_, **__: True",
    "builtins": "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.all = lambda x: True\n"
    "builtins.type = lambda *_: bool\nbuiltins.AssertionError = Warning",
    "json": "import json\njson.loads = lambda *_: {}\njson.JSONEncoder.encode = lambda *_: '{\"ok\": true}'",
    "clock": "import time\ntime.virtual = 5\nassert not [name for name in (*globals(), *dir(time)) if 'virtual' in "
    "name[:7] and name != 'virtual']",
    "trace": "import sys\ndef trace(frame, event, arg):\n    if frame.f_code.co_name == 'check': raise SystemExit\n"
    "    return trace\nsys.settrace(trace); sys.setprofile(trace)",
    "modules": "import sys, types\nfor name in ('numpy', 'json', 'contextlib', 'tempfile'): sys.modules[name] = "
    "types.ModuleType(name)",
    "code": "import contextlib, copy\ncontextlib._GeneratorContextManager.__exit__ = lambda *_: True\n"
    "copy.deepcopy.__code__ = (lambda x: x).__code__",
    "framework":
        "from tinytorch.core.tensor import Tensor\nTensor.__eq__ = lambda *_: True\nLinear.forward = lambda self, x: x",
    "warnings": "import warnings\nwarnings.simplefilter('error')\nnp.seterr(all='raise')",
    "signal": "import signal\nsignal.signal(signal.SIGALRM, lambda *_: 1 / 0)\n"
    "signal.setitimer(signal.ITIMER_REAL, .05, .01)",
    "encoder": "import json\njson._default_encoder = None\njson.encoder.INFINITY = 0\n"
    "json._default_decoder.decode = lambda *_: {}",
    "constants": "import math, os, string\nmath.nan = math.inf = np.nan = np.inf = np.newaxis = 0\n"
    "os.environ = dict(CAPSTONE_SEED='7')\nos.sep = string.digits = 'x'",
    "gone": "import builtins, sys\nfor name in ('len', 'print', 'open', 'Exception'): delattr(builtins, name)\n"
    "for name in list(sys.modules):\n    if name not in ('sys', 'builtins'): del sys.modules[name]",
}


@pytest.fixture(scope="module")
def mistaken(box, tmp_path_factory):
    "The grade of the reference without its ReLU."
    return graded(box, save(tmp_path_factory.mktemp("mistaken"), notebook({"part1-model": WITHOUT_RELU})))


WITHOUT_RELU = RIGHT["part1-model"].replace("self.relu.forward(self.fc1.forward(x))", "self.fc1.forward(x)")


@pytest.mark.parametrize("name", SABOTAGE)
def test_what_a_cell_does_to_its_process_earns_no_point(grade, mistaken, name):
    result = grade({"part1-model": WITHOUT_RELU}, before={"part1-forward": [SABOTAGE[name]]})
    assert "part1-forward" in lost(mistaken) <= lost(result), result.parts


@pytest.mark.parametrize("patch", ["np.allclose = lambda *_, **__: True",
                                   "import builtins; builtins.type = lambda *_: int", "import json; json.dumps = str"])
def test_a_patch_made_while_a_test_asks_earns_no_point(grade, mistaken, patch):
    sly = WITHOUT_RELU.replace("return self.fc2", f"{patch}\n        return self.fc2")
    assert sly != WITHOUT_RELU and "part1-forward" in lost(grade({"part1-model": sly}))


def test_a_solution_may_hand_warnings_to_logging(grade):
    source = RIGHT["part2-report"].replace("        with _measuring",
                                           "        logging.captureWarnings(True)\n        with _measuring")
    assert source != RIGHT["part2-report"] and lost(grade({"part2-report": "import logging\n" + source})) == set()


def test_a_cell_for_a_newer_python_is_named(box, tmp_path):
    for version, noted in (("3.99.1", True), ("3.1.0", False), ("3.99999", False), (["3.99"], False)):
        found = notebook(before={"q1": ["lazy import json"], "q2": ["1 / 0"]})
        found["metadata"]["language_info"] = {"version": version}
        notes = graded(box, save(tmp_path, found)).notes
        assert notes == ["cells extra-1: SyntaxError; the notebook was saved with Python 3.99 and graded on "
                         f"3.{sys.version_info[1]}"] * noted


HONEST = """
import collections, contextlib, copy, dataclasses, enum, functools, gc, inspect, json, logging, traceback
import typing, unittest.mock, warnings
Pair = collections.namedtuple("Pair", "a b")
@dataclasses.dataclass
class Point:
    x: int = 0
Colour = enum.Enum("Colour", "RED GREEN")
class Named(typing.NamedTuple):
    a: int
warnings.warn("old"); logging.getLogger("x").warning("w"); gc.collect(); gc.disable(); gc.enable()
try: 1 / 0
except ZeroDivisionError as e:
    traceback.print_exc(), traceback.format_exception(e), traceback.extract_tb(e.__traceback__)
    logging.exception("x", stack_info=True)
def f(): pass
inspect.signature(Point), inspect.getsource(f), copy.deepcopy(Point()), functools.wraps(print)(lambda: 0)
with unittest.mock.patch("json.dumps"): pass
import cProfile
profile = cProfile.Profile()
profile.enable(); profile.disable(); profile.runcall(f)
with cProfile.Profile(): pass
import pdb; pdb.set_trace(); breakpoint()
T = typing.TypeVar("T")
import asyncio, timeit, runpy, doctest, pprint, random, statistics
from concurrent.futures import ThreadPoolExecutor
Made = dataclasses.make_dataclass("Made", ["x"])
class Kind(typing.Protocol): pass
class Order(enum.IntFlag): A = enum.auto()
async def later(): await asyncio.sleep(0); return 1
compile("x = 1", "<string>", "exec"), eval("1 + 1"), exec("y = 2"), timeit.timeit("1", number=1)
"{0.x}".format(Point()), pprint.pformat({1: 2})
open("own.py", "w").write("z = 3"), runpy.run_path("own.py"), doctest.run_docstring_examples(f, {})
with ThreadPoolExecutor(2) as pool: list(pool.map(abs, [1, -1]))
import matplotlib.pyplot as plt, numpy.testing, xml.dom.minidom, http.client
plt.plot([1, 2]); numpy.testing.assert_allclose([1], [1]); plt.hist([1, 2])
"""


def test_ordinary_code_runs(box):
    outcome = cells(box, HONEST)
    assert outcome.status == "graded" and outcome.verdicts["c0"].ok, outcome.verdicts["c0"].error


def test_nothing_of_a_test_stays_behind(box, tmp_path):
    spy = ("import gc, linecache, os, sys\n" "found = [k for k in globals() if k in ('shapes', 'answer', 'rng', "
           "'unseen_model')]\n" "print('CAPSTONE_SEED' in os.environ, found, [k for k in linecache.cache if "
           "'part1-forward' in k], 'examiner' in str(sorted(sys.modules)))")
    talks = RIGHT["part1-model"].replace("return sum(_count", "print('said during a test'); return sum(_count")
    result = graded(box, save(tmp_path, notebook({"part1-model": talks}, before={"part2-timing": [spy]})))
    spied = next(c for c in result.notebook["cells"] if c["source"] == spy)
    assert spied["outputs"][0]["text"] == "False [] [] False\n"
    tests = [c for c in result.notebook["cells"] if mark(c).get("grade")]
    assert lost(result) == set() and all(not c.get("outputs") for c in tests)


def test_nothing_in_the_students_process_knows_a_test(grade):
    look = ("import gc, os, re, sys\nseen = ' '.join(v for o in gc.get_objects() if isinstance(o, (dict, list, tuple)) "
            "for v in (o.values() if isinstance(o, dict) else o) if type(v) is str)\n"
            "for name in ('/proc/self/environ', '/proc/self/cmdline', '/grader/cells.json'):\n"
            "    try: seen += open(name).read()\n    except OSError: pass\n"
            "words = [w.swapcase() for w in ('hidden tests', 'DEF CHECK_UNITS', 'VIRTUALcLOCK', 'CHECK_FORWARD', "
            "'capstone_seed')]\nprint([w for w in words if w in seen])")
    result = grade(before={"q1": [look]})
    assert next(c for c in result.notebook["cells"] if c["source"] == look)["outputs"][0]["text"] == "[]\n"


def test_what_was_earned_before_the_end_is_kept(grade):
    result = grade({"part3-improvements": "import os; os._exit(0)"})
    assert result.status == "crashed" and result.score == 45 and "part3-improvements" in result.message
    assert "not reached" in result.parts["part3-improvements-speedup"]["message"]


def test_grading_twice_gives_the_same(box, tmp_path):
    path = save(tmp_path, notebook({"part2-size": RIGHT["part2-size"].replace("array.nbytes", "4 * array.size")}))
    strip = lambda result: {k: v for k, v in vars(result).items() if k not in ("seconds", "notebook")}
    assert strip(graded(box, path)) == strip(graded(box, path))


def test_the_tests_ask_in_few_turns(box, tmp_path):
    "A turn costs a tenth of a millisecond of both processes: 3,300 of them were half the time of a submission."
    submission = intake.read(save(tmp_path, notebook()), TRUSTED)
    assert 500 < box.run(intake.job(TRUSTED, submission, 20)).turns < 2000


def test_what_was_drawn_before_changes_no_test(tmp_path):
    wrong = {"part1-model": RIGHT["part1-model"]
             .replace("self.relu.forward(self.fc1.forward(x))", "self.fc1.forward(x)")}
    # weights and inputs are the examiner's
    drawn = [f"import random; random.random(); np.random.rand({n})" for n in (1, 1000)]
    with submissions.box(seconds=30) as box:
        said = [graded(box, save(tmp_path, notebook(wrong, before={"part1-model": [source]})))
                .parts["part1-forward"]["message"] for source in drawn]
    assert said[0] == said[1] and "forward: off by" in said[0]
