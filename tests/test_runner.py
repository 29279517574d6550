"Student cells run as in Jupyter; tests run apart from them, leave nothing behind, and can still fail."
import json, re, sys, time

import pytest

import submissions
from submissions import TRUSTED, graded, lost, mark, notebook, save, solutions
from tinytorch_grader import canaries, intake, marks

TESTS = [TRUSTED.grade_id(i) for i, role in enumerate(TRUSTED.roles) if role == "test"]
RIGHT = solutions()


@pytest.fixture(scope="module")
def box():
    with submissions.box(seconds=20, memory_mb=1024, output_bytes=50_000) as b: yield b


@pytest.fixture
def grade(box, tmp_path):
    return lambda *args, **kw: graded(box, save(tmp_path, notebook(*args, **kw)))


def cells(box, *sources, role="extra", **more):
    steps = [{"id": f"c{i}", "role": role, "source": source} for i, source in enumerate(sources)]
    return box.run({"seed": 1, "steps": steps, **more})


def shown(outcome, i=0):
    return "".join(o.get("text", "") for o in outcome.steps[f"c{i}"]["outputs"])


def test_the_reference_gets_every_point_and_an_untouched_release_none(grade):
    result = grade()
    assert (result.status, lost(result), result.score, result.max_score, result.needs_manual) == ("graded", set(), 95, 100, True)
    assert result.notes == [] and result.parts["reflection"]["message"] == "graded by hand"
    result = grade(release=True)
    assert (result.status, result.score, result.needs_manual) == ("graded", 0, False)
    assert all(part["message"] for part in result.parts.values())
    assert result.parts["part1-forward"]["message"].startswith("not written yet") and result.parts["reflection"]["message"] == "nothing written"


def test_a_mistake_loses_its_own_points_and_no_others(grade):
    result = grade({"part2-timing": RIGHT["part2-timing"].replace("/ 1e6", "/ 1e9")})
    assert lost(result) == {"part2-timing-units"} and "milliseconds" in result.parts["part2-timing-units"]["message"]


AS_IN_JUPYTER = {
    "x = 6\nx * 7": "42", "x = 6\nx * 7;": "", "None": "", "print('a'); 'b'": "a\n'b'",
    "%matplotlib inline\nprint(1)": "skipped: %matplotlib inline\n1\n", "!ls -l\nprint(2)": "skipped: !ls -l\n2\n",
    "files = !ls\nprint(files)": "skipped: !ls\n[]\n", "%time y = 3\nprint(y)": "3\n", "%%time\nz = 4\nprint(z)": "4\n",
    "%%timeit -n 10\nprint(5)": "5\n", "%%bash\nrm -rf /": "skipped: %%bash \n", "pip install torch\nprint(6)": "skipped: pip install torch\n6\n",
    "len?": "skipped: len?\n", "  print(7)": "7\n", "if True:\n    %load_ext autoreload\n    print(8)": "skipped: %load_ext autoreload\n8\n",
    "text = '''\n%time\n!ls'''\n%pwd\nprint(len(text))": "skipped: %pwd \n10\n",
    "import asyncio\nasync def f(): return 9\nprint(await f())": "9\n", "import asyncio\nawait asyncio.sleep(0, 10)": "10",
    "%%writefile note.txt\nhello": "", "get_ipython().run_line_magic('config', 'x')": "skipped: %config x\n",
    "import sys\nprint(11, file=sys.stderr)": "11\n", "input('?')": "EOFError", "1 +": "SyntaxError", "exit()": "SystemExit",
    "!pip install scipy \\\n    pandas\nprint(13)": "skipped: !pip install scipy pandas\n13\n", "%timeit abs(\\\n  -1)\nprint(14)": "14\n",
    "def f(): print(15)\n%prun -s cumulative f()": "15\n", "%prun -l 10 -s time print(16)": "16\n", "%time 1 +\nprint(17)": "skipped: %time 1 +\n17\n",
    "%%time\r\nprint(18)\r\n": "18\n", "%%timeit x = 19\nprint(x)": "19\n", "r = %timeit -o -n 1 1\nprint(r.average < 1, r.loops)": "True 1\n",
    "%capture cap\nprint(20)": "skipped: %capture cap\n20\n", "import pdb\npdb.set_trace()\nprint(21)": "skipped: pdb.set_trace()\n21\n",
    "handle = display(1, display_id=True)\nhandle.update(22)": "22", "from IPython.display import display\ndisplay(12)": "12", "import IPython\nIPython.get_ipython().magic('%who x')": "skipped: %who x\n",
}


@pytest.mark.parametrize("source", AS_IN_JUPYTER)
def test_a_student_cell_behaves_as_in_jupyter(box, source):
    outcome, want = cells(box, source), AS_IN_JUPYTER[source]
    step = outcome.steps["c0"]
    if want.endswith("Error") or want == "SystemExit": assert not step["ok"] and step["error"]["ename"] == want
    else: assert step["ok"] and shown(outcome) + "".join(o["data"]["text/plain"] for o in step["outputs"] if "data" in o) == want


CELLS = {("from __future__ import annotations", "class A:\n    def f(self) -> Nope: return 1\nA().f()"): "1", ("import __future__\n1 / 2", "def f(x: undefined): pass"): None,
         ("%%writefile helper.py\ndef f(): return 5", "import helper\nhelper.f()", "%%writefile more.py\nx = 6", "from more import x\nx"): "6",
         ("%%capture cap\nprint('a'); display('b')", "cap.show()\n(cap.stdout, cap.stderr, len(cap.outputs))"): "a\n'b'('a\\n', '', 1)",
         ("%%capture --no-stderr cap\n1 / 0", "cap.stdout"): "''", ("import runner",): None, ("import shell",): None, ("import zygote",): None}


@pytest.mark.parametrize("sources", CELLS)
def test_student_cells_follow_each_other_as_in_jupyter(box, sources):
    outcome, want = cells(box, *sources), CELLS[sources]
    last = outcome.steps[f"c{len(sources) - 1}"]
    assert last["ok"] == (want is not None)
    if want: assert "".join(o.get("text", "") or o["data"]["text/plain"] for o in last["outputs"]) == want and not outcome.steps["c0"]["outputs"][1:]


def test_rich_outputs_and_figures_are_kept_modestly(box):
    outcome = cells(box, "class R:\n    def _repr_html_(self): return '<b>x</b>'\n    def __repr__(self): return 'R'\nR()",
                    "import matplotlib.pyplot as plt\nfor _ in range(30): plt.figure()\nplt.plot([1, 2])", "class Bad:\n    def __repr__(self): raise KeyboardInterrupt\nBad()",
                    "from IPython.display import HTML, display\nfor _ in range(1000): display(HTML('x' * 5000))")
    assert outcome.status == "graded" and all(step["ok"] for step in outcome.steps.values())
    assert outcome.steps["c0"]["outputs"][0]["data"] == {"text/plain": "R", "text/html": "<b>x</b>"}
    assert 0 < sum("image/png" in o.get("data", {}) for o in outcome.steps["c1"]["outputs"]) <= 11
    assert "KeyboardInterrupt" in outcome.steps["c2"]["outputs"][0]["data"]["text/plain"]
    assert len(json.dumps(outcome.steps["c3"]["outputs"])) < 3 * 50_000


MUCH = {"interleaved": "import sys\nfor i in range(100_000):\n    print(i % 10)\n    print('.', file=sys.stderr)",
        "kinds": "display({str(i): '' for i in range(300_000)}, raw=True)",
        "one line of a traceback": "def f(n): '" + "\x01" * 190_000 + "'; f(n - 1) if n else 1 / 0\nf(40)"}


@pytest.mark.parametrize("name", MUCH)
def test_no_amount_of_output_is_taken_for_tampering(box, name):
    outcome = cells(box, MUCH[name], "print(1)")
    assert outcome.status == "graded" and outcome.steps["c0"]["outputs"] and shown(outcome, 1) == "1\n"
    if name == "interleaved": assert shown(outcome).startswith("0\n.\n1\n.\n") and len(shown(outcome)) > 45_000


def test_an_error_shows_the_student_lines_alone(box):
    step = cells(box, "def f():\n    return 1 / 0\nx = 1\nf()").steps["c0"]
    shown = "\n".join(step["outputs"][0]["traceback"])
    assert step["error"]["ename"] == "ZeroDivisionError" and step["error"]["line"] == 2
    assert "line 2, in f: return 1 / 0" in shown and "runner" not in shown


def test_noise_never_fails_a_right_solution(grade):
    noisy = RIGHT["part1-model"] + "\nimport sys, warnings\nwarnings.warn('old'); print('x' * 1000, file=sys.stderr)\nfrom tqdm import tqdm\nfor _ in tqdm(range(3)): pass\n"
    loud = RIGHT["part2-accuracy"].replace("### BEGIN SOLUTION", "import sys, warnings; warnings.warn('w'); print('noise', file=sys.stderr); print('\\r50%|###', end='')")
    assert lost(grade({"part1-model": noisy, "part2-accuracy": loud})) == set()


@pytest.mark.parametrize("end", ["raise SystemExit(0)", "import sys; sys.exit()", "raise KeyboardInterrupt", "raise GeneratorExit", "exit()"])
def test_a_test_that_did_not_run_to_its_end_never_passes(grade, end):
    result = grade({"part4b-optimize": f"def optimize_model(*_):\n    {end}"})
    assert lost(result) == {"part4b-optimize-check"} and result.status == "graded"


def test_every_test_has_a_known_wrong_answer_that_fails_without_any_code_of_the_student(box, monkeypatch, tmp_path):
    monkeypatch.setattr(intake, "SHARE", 2)
    assert set(canaries.MISTAKES) == set(TESTS)
    assert {test: len(wrong) for test, wrong in TRUSTED.wrong.items()} == {test: len(m) for test, m in canaries.MISTAKES.items()}   # each applies
    poison = {name: re.sub(r"(?m)^( *)### BEGIN SOLUTION$", r"\1raise RuntimeError('student code')", source) for name, source in RIGHT.items()}
    for found in (notebook(), notebook(poison)):
        job = intake.job(TRUSTED, intake.read(save(tmp_path, found), TRUSTED), 1)
        outcome = box.run(job)
        wrong = {step["id"]: outcome.steps[step["id"]]["error"] for step in job["steps"] if "answers" in step}
        assert {name for name, error in wrong.items() if error is None or error["ename"] != "AssertionError" or "student code" in error["message"]} == set()
        assert len(wrong) >= len(TESTS)


def test_places_of_known_wrong_answers_follow_from_the_seed(tmp_path):
    submission = intake.read(save(tmp_path, notebook()), TRUSTED)
    order = lambda seed: [(step["id"], "answers" in step) for step in intake.job(TRUSTED, submission, seed)["steps"]]
    assert order(1) == order(1) != order(2)
    assert all(any(wrong for _, wrong in order(seed)) for seed in range(20))


SABOTAGE = {
    "check": "def check(*_, **__): pass\nnear = check_forward = check_rule = check_number = answer_of = check",
    "numpy": "import numpy as np\nnp.allclose = np.array_equal = np.all = lambda *_, **__: True",
    "builtins": "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.all = lambda x: True\nbuiltins.type = lambda *_: bool\nbuiltins.AssertionError = Warning",
    "json": "import json\njson.loads = lambda *_: {}\njson.JSONEncoder.encode = lambda *_: '{\"ok\": true}'",
    "clock": "import time\ntime.virtual.advance = lambda ms: None\ntype(virtual).wrap = None\ntime.virtual = 5\nvirtual.asleep = True",
    "trace": "import sys\ndef trace(frame, event, arg):\n    if frame.f_code.co_name == 'check': raise SystemExit\n    return trace\nsys.settrace(trace); sys.setprofile(trace)",
    "modules": "import sys, types\nfor name in ('numpy', 'json', 'contextlib', 'tempfile'): sys.modules[name] = types.ModuleType(name)",
    "code": "import contextlib, copy\ncontextlib._GeneratorContextManager.__exit__ = lambda *_: True\ncopy.deepcopy.__code__ = (lambda x: x).__code__",
    "framework": "from tinytorch.core.tensor import Tensor\nTensor.__eq__ = lambda *_: True\nLinear.forward = lambda self, x: x",
    "warnings": "import warnings\nwarnings.simplefilter('error')\nnp.seterr(all='raise')",
    "signal": "import signal\nsignal.signal(signal.SIGALRM, lambda *_: 1 / 0)\nsignal.setitimer(signal.ITIMER_REAL, .05, .01)",
    "encoder": "import json\njson._default_encoder = None\njson.encoder.INFINITY = 0\njson._default_decoder.decode = lambda *_: {}",
    "constants": "import math, os, string\nmath.nan = math.inf = np.nan = np.inf = np.newaxis = 0\nos.environ = dict(CAPSTONE_SEED='7')\nos.sep = string.digits = 'x'",
    "gone": "import builtins, sys\nfor name in ('len', 'print', 'open', 'Exception'): delattr(builtins, name)\nfor name in list(sys.modules):\n    if name not in ('sys', 'builtins'): del sys.modules[name]",
}


@pytest.mark.parametrize("name", SABOTAGE)
def test_what_a_cell_does_to_the_tools_changes_no_points(grade, name):
    wrong = RIGHT["part1-model"].replace("self.relu.forward(self.fc1.forward(x))", "self.fc1.forward(x)")
    after = {"part1-forward": [SABOTAGE[name]]}
    result = grade({"part1-model": wrong}, before=after)
    assert lost(result) == {"part1-forward", "part1-layers"} & lost(grade({"part1-model": wrong})) and result.status == "graded", result


def test_a_solution_that_changes_the_tools_while_it_is_tested_does_not_pass(grade):
    sly = RIGHT["part1-model"].replace("return sum(_count", "np.allclose = lambda *_, **__: True; import builtins; builtins.type = lambda *_: int\n        return sum(_count")
    result = grade({"part1-model": sly})
    assert "part1-count" in lost(result) and "np.allclose" not in str(result.parts)
    assert "numpy.allclose" in result.parts["part1-count"]["message"]


LEANT_ON = """
import json, math, os, random
ask()
assert json.dumps([1]) == "[1]" and json.loads("{}") == {} and math.isnan(math.nan) and np.inf > 1 and int(os.environ.get("CAPSTONE_SEED")) == 1
"""


@pytest.mark.parametrize("change", ["json._default_encoder = type('E', (), {'encode': lambda *_: '7'})()", "json._default_encoder.encode = lambda *_: '7'", "math.nan = 5",
                                    "json._default_decoder.decode = lambda *_: []", "np.inf = 0", "os.environ = {'CAPSTONE_SEED': '7'}", "os.environ.get = lambda *_: '7'"])
def test_values_that_tests_lean_on_are_put_back_before_the_next(box, change):
    steps = [("given", "import numpy as np, json, math, os"), ("extra", f"def ask(): pass\n{change}"), ("test", LEANT_ON),
             ("extra", f"def ask():\n    {change}\n"), ("test", "ask()"), ("extra", "def ask(): pass"), ("test", LEANT_ON)]
    outcome = box.run({"seed": 1, "steps": [{"id": f"s{i}", "role": role, "source": source} for i, (role, source) in enumerate(steps)]})
    assert [outcome.steps[f"s{i}"]["ok"] for i in (0, 1, 2, 3, 5, 6)] == [True] * 6, outcome.steps
    assert outcome.steps["s4"]["ok"] == (" = lambda" in change)   # of an instance nothing is said


def test_a_solution_may_hand_warnings_to_logging(grade):
    source = RIGHT["part2-report"].replace("        with _measuring", "        logging.captureWarnings(True)\n        with _measuring")
    assert source != RIGHT["part2-report"] and lost(grade({"part2-report": "import logging\n" + source})) == set()


def test_a_cell_for_a_newer_python_is_named(box, tmp_path):
    for version, noted in (("3.99.1", True), ("3.1.0", False), ("3.99999", False), (["3.99"], False)):
        found = notebook(before={"q1": ["lazy import json"], "q2": ["1 / 0"]})
        found["metadata"]["language_info"] = {"version": version}
        notes = graded(box, save(tmp_path, found)).notes
        assert notes == [f"cells extra-1: SyntaxError; the notebook was saved with Python 3.99 and graded on 3.{sys.version_info[1]}"] * noted


def test_tests_switched_off_behind_the_grader_are_tampering(grade):
    off = ("import sys\nclass SimpleMLP:\n    def __init__(self, *sizes):\n        frame = sys._getframe()\n        while frame:\n"
           "            if 'written' in frame.f_globals: frame.f_globals['answer'] = lambda step, *_: {'id': step['id'], 'nonce': step['nonce'], 'ok': True}\n"
           "            frame = frame.f_back\n")
    result = grade({"part1-model": off})
    assert result.status == "tampered" and result.score == 0 and all(part["score"] == 0 for part in result.parts.values())
    assert "a look: cell part1-model uses _getframe, f_back, f_globals" in result.notes


LOOKS = {"getattr(sys, '_get' + 'frame')()": "sys._getframe", "getattr(gc, 'get_' + 'objects')()": "gc.get_objects", "inspect.currentframe()": "sys._getframe",
         "try: 1 / 0\nexcept Exception as e: getattr(e.__traceback__, 'tb_' + 'frame')": "object.__getattr__ tb_frame", "getattr(len_of, '__co' + 'de__')": "object.__getattr__ __code__",
         "getattr(sys, 'set' + 'trace')(None)": "sys.settrace", "__import__('cty' + 'pes')": "ctypes", "getattr((i for i in ()), 'gi_' + 'frame')": "object.__getattr__ gi_frame",
         "import traceback\nfor _ in traceback.walk_stack(None): pass": "sys._getframe", "exec('import sys; sys._getframe(0)')": "sys._getframe",
         "import string\nstring.Formatter().get_field('0.gi_frame', [(i for i in ())], {})": "object.__getattr__ gi_frame",
         "import traceback\ntry: 1 / 0\nexcept Exception as e: list(traceback.walk_tb(e.__traceback__))": "object.__getattr__ tb_frame",
         "open('helper.py', 'w').write('import sys\\nframe = sys._getframe(0)')\nexec(compile(open('helper.py').read(), 'helper.py', 'exec'))": "sys._getframe",
         "import json\nexec(compile('import sys; sys._getframe(0)', json.__file__, 'exec'))": "compile",
         "compile(1 and 'x = 1', '<trusted part1-count>', 'exec')": "compile", "import marshal\nmarshal.loads(marshal.dumps(1))": "marshal.loads",
         "import logging\nlogging.currentframe()": "sys._getframe",
         "import unittest.mock\nunittest.mock.Mock(side_effect=getattr(sys, '_get' + 'frame'))(0)": "sys._getframe"}


@pytest.mark.parametrize("source", LOOKS)
def test_a_look_behind_the_interpreter_is_told_however_it_is_spelled(box, source):
    outcome = cells(box, f"import gc, inspect, sys\ndef len_of(x): return len(x)\n{source}", "x = 1")
    assert outcome.status == "graded" and outcome.steps["c0"]["ok"] and outcome.looks == [f"{LOOKS[source]} in cell c0"]


def test_a_source_that_tokenize_is_slow_on_costs_no_time():
    start = time.perf_counter()
    for source in ("x\n" + "'\\" * 60_000, "'a" * 90_000, '"""\n' + "'\\\n" * 40_000 + "gc", "(" * 100_000 + " ctypes"): marks.suspects(source)
    assert time.perf_counter() - start < 2
    assert marks.suspects("# gc\n'inspect'\nctypes") == ["ctypes"] == marks.suspects("x = 1\n" * 5000 + "ctypes")


HONEST = """
import collections, contextlib, copy, dataclasses, enum, functools, gc, inspect, json, logging, traceback, typing, unittest.mock, warnings
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
    traceback.print_exc(), traceback.format_exception(e), traceback.extract_tb(e.__traceback__), logging.exception("x", stack_info=True)
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
compile("x = 1", "<string>", "exec"), eval("1 + 1"), exec("y = 2"), timeit.timeit("1", number=1), "{0.x}".format(Point()), pprint.pformat({1: 2})
open("own.py", "w").write("z = 3"), runpy.run_path("own.py"), doctest.run_docstring_examples(f, {})
with ThreadPoolExecutor(2) as pool: list(pool.map(abs, [1, -1]))
import matplotlib.pyplot as plt, numpy.testing, xml.dom.minidom, http.client
plt.plot([1, 2]); numpy.testing.assert_allclose([1], [1]); plt.hist([1, 2])
"""


def test_ordinary_code_is_no_look(box):
    outcome = cells(box, HONEST)
    assert outcome.steps["c0"]["ok"], outcome.steps["c0"]["error"]
    assert outcome.looks == []


def test_nothing_that_student_code_is_given_leads_to_the_runner(box):
    walk = ("import sys, types\nseen, todo, found = set(), [globals(), sys.stdout, sys.stderr, sys.stdin, sys.breakpointhook, sys.modules], set()\n"
            "while todo:\n    thing = todo.pop()\n    if id(thing) in seen: continue\n    seen.add(id(thing))\n"
            "    if isinstance(thing, dict):\n        if 'encode_basestring' in thing and 'submission' in thing: found.add('runner')\n        todo += list(thing.values())\n"
            "    elif isinstance(thing, (list, tuple, set)): todo += list(thing)\n"
            "    else:\n        for name in ('__globals__', '__closure__', 'cell_contents', '__self__', '__func__', '__dict__', '__class__', '__builtins__', '__mro__', '__wrapped__', '__defaults__', '__kwdefaults__'):\n"
            "            try: todo.append(getattr(thing, name))\n            except Exception: pass\n"
            "        if isinstance(thing, type):\n            try: todo += type.__subclasses__(thing)\n            except TypeError: pass\nprint(len(seen) > 10_000, found)")
    assert shown(cells(box, walk)) == "True set()\n"


def test_nothing_of_a_test_stays_behind(box, tmp_path):
    spy = ("import gc, linecache, os, sys\nfound = [k for k in globals() if k in ('shapes', 'answer', 'rng', 'unseen_model')]\n"
           "print('CAPSTONE_SEED' in os.environ, found, [k for k in linecache.cache if 'part1-forward' in k], 'runner' in sys.modules)")
    talks = RIGHT["part1-model"].replace("return sum(_count", "print('said during a test'); return sum(_count")
    result = graded(box, save(tmp_path, notebook({"part1-model": talks}, before={"part2-timing": [spy]})))
    spied = next(c for c in result.notebook["cells"] if c["source"] == spy)
    assert spied["outputs"][0]["text"] == "False [] [] False\n"
    tests = [c for c in result.notebook["cells"] if mark(c).get("grade")]
    assert lost(result) == set() and all(not c.get("outputs") for c in tests)


def test_hidden_lines_leave_neither_by_message_nor_by_output(grade):
    leak = ("def optimize_model(model, tools):\n    import sys\n    frame, seen = sys._getframe(), []\n    while frame:\n        seen.append(str(frame.f_locals.get('step')))\n"
            "        frame = frame.f_back\n    global LOOT\n    LOOT = ''.join(seen)\n    raise ValueError(LOOT.encode().decode('unicode_escape')[-300:])")
    result = grade({"part4b-optimize": leak}, before={"part5-workflow": ["print(LOOT.encode().decode('unicode_escape'))"]})
    text = json.dumps(result.parts) + json.dumps([c.get("outputs") for c in result.notebook["cells"]])
    hidden = marks.Hidden(TRUSTED)
    assert len(result.parts["part4b-optimize-check"]["message"]) > 200   # it found the step: code, no text of a test
    assert "unseen" not in text and not hidden.within(text)
    repeats = f"def optimize_model(model, tools): print({hidden.lines[0]!r}); raise ValueError({hidden.lines[0]!r})"
    result = grade({"part4b-optimize": repeats + f"\nprint({hidden.lines[0]!r})"})
    assert "left out" in result.parts["part4b-optimize-check"]["message"]
    assert "output left out" in next(c["outputs"][0]["text"] for c in result.notebook["cells"] if c["source"].startswith(repeats))


def test_what_a_cell_sets_of_a_function_of_the_framework_is_put_back_however_it_is_set(box):
    sets = ("from tinytorch.core.layers import Linear\ndef evil(self, x, *, y=1): return 1\n"
            "Linear.forward.__code__ = evil.__code__\nLinear.__init__.__defaults__ = (False,)\ndel Linear.__repr__.__kwdefaults__\n"
            "Linear.parameters.__kwdefaults__ = {'y': 2}\n")
    test = "from tinytorch.core.layers import Linear\nassert 'x' in Linear.forward.__code__.co_varnames and 'y' not in Linear.forward.__code__.co_varnames\n"
    test += "assert Linear.__init__.__defaults__ != (False,) and Linear.parameters.__kwdefaults__ is None"
    during = "import tinytorch.core.layers as l\ndef look(): l.Linear.forward.__defaults__ = (1,)"
    steps = [("given", "1"), ("extra", sets), ("test", test), ("extra", during), ("test", "look()"), ("test", test + "\nassert not Linear.forward.__defaults__")]
    outcome = box.run({"seed": 1, "steps": [{"id": f"s{i}", "role": role, "source": source} for i, (role, source) in enumerate(steps)]})
    assert [outcome.steps[f"s{i}"]["ok"] for i in range(6)] == [True, True, True, True, False, True]
    assert "changed while it ran: forward" in outcome.steps["s4"]["error"]["message"]


def test_what_was_earned_before_the_end_is_kept(grade):
    result = grade({"part3-improvements": "import os; os._exit(0)"})
    assert result.status == "crashed" and result.score == 45 and "part3-improvements" in result.message
    assert "not reached" in result.parts["part3-improvements-speedup"]["message"]


def test_grading_twice_gives_the_same(box, tmp_path):
    path = save(tmp_path, notebook({"part2-size": RIGHT["part2-size"].replace("array.nbytes", "4 * array.size")}))
    strip = lambda result: {k: v for k, v in vars(result).items() if k not in ("seconds", "notebook")}
    assert strip(graded(box, path)) == strip(graded(box, path))


def test_what_was_drawn_before_changes_no_test(tmp_path):
    wrong = {"part1-model": RIGHT["part1-model"].replace("self.relu.forward(self.fc1.forward(x))", "self.fc1.forward(x)")}
    drawn = [f"import random; random.random(); np.random.rand({n})" for n in (1, 1000)]
    with submissions.box(seconds=30) as box:
        said = [graded(box, save(tmp_path, notebook(wrong, before={"part1-model": [source]}))).parts["part1-forward"]["message"] for source in drawn]
    assert said[0] == said[1] and "forward: off by" in said[0]
