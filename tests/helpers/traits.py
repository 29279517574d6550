"""What public nbgrader assignments do in their tests: {trait: (solution, a wrong one, test)}, written anew here.

Stock nbgrader gives no point for a test that writes to stderr, as unittest's runner does, even to the solution: QUIET.
"""

QUIET = "unittest", "unittest_main"
TRAITS = {
    "classes": (
        r"""class Stack:
    def __init__(self): self.items = []
    def push(self, x): self.items.append(x); return self
    def __len__(self): return len(self.items)
    def __eq__(self, o): return self.items == o.items""",
        r"""class Stack:
    def __init__(self): self.items = []
    def push(self, x): return self
    def __len__(self): return 0
    def __eq__(self, o): return False""",
        r"""s = Stack()
s.push(1).push(2)
assert len(s) == 2 and s.items == [1, 2]
assert s == Stack().push(1).push(2)
assert isinstance(s, Stack)
assert type(s).__name__ == 'Stack'""",
    ),
    "inheritance": (
        r"""class Shape:
    def area(self): raise NotImplementedError
class Square(Shape):
    def __init__(self, a): self.a = a
    def area(self): return self.a ** 2""",
        r"""class Shape:
    pass
class Square:
    def __init__(self, a): self.a = a
    def area(self): return self.a ** 2""",
        r"""assert issubclass(Square, Shape) and isinstance(Square(2), Shape)
assert Square(3).area() == 9
assert hasattr(Square, 'area')
class Mine(Shape): pass
try: Mine().area()
except NotImplementedError: pass
else: raise AssertionError('abstract')""",
    ),
    "writes": (
        r"""def make_csv(name):
    with open(name, 'w') as f: f.write('a,b\n1,2\n')""",
        r"""def make_csv(name):
    with open(name, 'w') as f: f.write('a,b\n')""",
        r"""make_csv('out.csv')
with open('out.csv') as f: assert f.read() == 'a,b\n1,2\n'""",
    ),
    "exists": (
        r"""def touch(name):
    open(name, 'w').write('x')""",
        "def touch(name): pass",
        r"""import os
touch('there.txt')
assert os.path.exists('there.txt') and os.path.isfile('there.txt')
assert 'there.txt' in os.listdir()
assert os.stat('there.txt').st_size == os.path.getsize('there.txt') == 1
os.remove('there.txt')
assert not os.path.exists('there.txt')""",
    ),
    "pathlib": (
        r"""from pathlib import Path
def save(name): Path(name).write_text('héllo', encoding='utf-8')""",
        "def save(name): open(name, 'w').write('hello')",
        r"""from pathlib import Path
save('p.txt')
assert Path('p.txt').read_text(encoding='utf-8') == 'héllo'
assert Path('p.txt').exists() and [p.name for p in Path('.').glob('p.t*')] == ['p.txt']""",
    ),
    "np_load": (
        r"""import numpy as np
np.save('a.npy', np.arange(4))""",
        r"""import numpy as np
np.save('a.npy', np.arange(5))""",
        r"""import numpy as np
assert (np.load('a.npy') == np.arange(4)).all()""",
    ),
    "loadtxt": (
        r"""import numpy as np
np.savetxt('a.txt', np.eye(2))""",
        r"""import numpy as np
np.savetxt('a.txt', np.ones((2, 2)))""",
        r"""import numpy as np
assert (np.loadtxt('a.txt') == np.eye(2)).all()""",
    ),
    "json_written": (
        r"""import json
json.dump({'a': [1, 2]}, open('a.json', 'w'))""",
        r"""import json
json.dump({'a': [1]}, open('a.json', 'w'))""",
        r"""import json
with open('a.json') as f: assert json.load(f) == {'a': [1, 2]}""",
    ),
    "tests_write": (
        r"""def count(name):
    with open(name) as f: return len(f.readlines())""",
        "def count(name): return 3",
        r"""with open('input.txt', 'w') as f: f.write('a\nb\n')
assert count('input.txt') == 2
import os
os.remove('input.txt')""",
    ),
    "temporary": (
        r"""def lines(name):
    with open(name) as f: return len(f.readlines())""",
        "def lines(name): return 3",
        r"""import tempfile, os
with tempfile.TemporaryDirectory() as d:
    p = os.path.join(d, 'x.txt')
    with open(p, 'w') as f: f.write('a\nb\n')
    assert lines(p) == 2""",
    ),
    "sqlite": (
        r"""import sqlite3
def fill(name):
    db = sqlite3.connect(name)
    db.execute('create table t (a int)')
    db.execute('insert into t values (3)')
    db.commit(); db.close()""",
        "def fill(name): open(name, 'w').close()",
        r"""import sqlite3
fill('t.db')
assert sqlite3.connect('t.db').execute('select a from t').fetchall() == [(3,)]""",
    ),
    "numpy_testing": (
        r"""import numpy as np
def unit(v): return np.array(v) / np.linalg.norm(v)""",
        r"""import numpy as np
def unit(v): return np.array(v)""",
        r"""from numpy.testing import assert_allclose, assert_array_equal
assert_allclose(unit([3, 4]), [.6, .8])
assert_array_equal(unit([0, 2]), [0, 1])
assert unit([1, 0]).dtype == float""",
    ),
    "unittest": (
        r"""def add(a, b):
    if type(a) is str: raise TypeError('no')
    return a + b""",
        "def add(a, b): return a - b",
        r"""import unittest
class T(unittest.TestCase):
    def test_add(self): self.assertEqual(add(1, 2), 3)
    def test_raises(self):
        with self.assertRaises(TypeError): add('a', 2)
r = unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(T))
assert r.wasSuccessful() and r.testsRun == 2""",
    ),
    "unittest_main": (
        "def sub(a, b): return a - b",
        "def sub(a, b): return b - a",
        r"""import unittest
class TestSub(unittest.TestCase):
    def test_sub(self): self.assertEqual(sub(1, 2), -1)
assert unittest.main(argv=[''], defaultTest='TestSub', exit=False).result.wasSuccessful()""",
    ),
    "assert_helper": (
        r"""def inc(x):
    if x < 0: raise ValueError('negative')
    return x + 1""",
        "def inc(x): return x + 1",
        r"""from unittest import TestCase
t = TestCase()
t.assertEqual(inc(1), 2)
t.assertRaises(ValueError, inc, -1)
t.assertRaisesRegex(ValueError, 'negative', inc, -2)
assert_equal = lambda a, b: t.assertEqual(a, b)
assert_equal(inc(3), 4)""",
    ),
    "pytest_raises": (
        r"""def root(x):
    if x < 0: raise ValueError(x)
    return x ** .5""",
        "def root(x): return x",
        r"""import pytest
with pytest.raises(ValueError): root(-1)
assert root(4) == pytest.approx(2)""",
    ),
    "own_error": (
        r"""class Empty(Exception): pass
def pop(x):
    if not x: raise Empty('empty')
    return x.pop()""",
        r"""class Empty(Exception): pass
def pop(x): return x.pop()""",
        r"""try: pop([])
except Empty as e: assert 'empty' in str(e)
else: raise AssertionError
assert issubclass(Empty, Exception)""",
    ),
    "mutates": (
        "def sort(x): x.sort()",
        "def sort(x): return sorted(x)",
        r"""x = [3, 1, 2]
assert sort(x) is None
assert x == [1, 2, 3]""",
    ),
    "mutates_array": (
        "def zero(a): a[:] = 0",
        "def zero(a): a = 0",
        r"""import numpy as np
a = np.ones(3)
zero(a)
assert a.sum() == 0""",
    ),
    "mutates_dict": (
        "def bump(d, k): d[k] = d.get(k, 0) + 1",
        "def bump(d, k): d[k] = 1",
        r"""d = {}
bump(d, 'a')
bump(d, 'a')
assert d == {'a': 2}""",
    ),
    "private": (
        r"""def _helper(x): return x * 2
def public(x): return _helper(x) + 1""",
        r"""def _helper(x): return x
def public(x): return _helper(x) * 2 + 1""",
        r"""assert _helper(4) == 8
assert public(4) == 9""",
    ),
    "isinstance_array": (
        r"""import numpy as np
def grid(n): return np.linspace(0, 1, n)""",
        "def grid(n): return [i / (n - 1) for i in range(n)]",
        r"""import numpy as np
assert isinstance(grid(3), np.ndarray)
assert grid(3).shape == (3,) and grid(5)[1] == .25""",
    ),
    "none": (
        "def nothing(x): x",
        "def nothing(x): return 0",
        "assert nothing(1) is None",
    ),
    "types": (
        "def pair(x): return (x, [x], {x}, {'k': x}, frozenset([x]), 1j, b'x', range(3), True)",
        "def pair(x): return (x, (x,), {x}, {'k': x}, frozenset([x]), 1j, b'x', range(3), True)",
        r"""p = pair(1)
assert isinstance(p, tuple) and type(p[1]) is list and type(p[2]) == set and isinstance(p[3], dict)
assert isinstance(p[4], frozenset) and p[5].imag == 1 and p[6] == b'x' and list(p[7]) == [0, 1, 2] and p[8] is True""",
    ),
    "np_scalar": (
        r"""import numpy as np
def mean(a): return np.mean(a)""",
        "def mean(a): return sum(a)",
        r"""import numpy as np
assert isinstance(mean([1, 2]), float) and isinstance(mean([1, 2]), np.floating) and mean([1, 2]) == 1.5""",
    ),
    "dict_order": (
        "def by(x): return dict(sorted(x.items(), key=lambda t: -t[1]))",
        "def by(x): return dict(sorted(x.items()))",
        r"""assert list(by({'a': 1, 'b': 3})) == ['b', 'a']
assert list(by({'a': 1, 'b': 3}).items())[0] == ('b', 3)""",
    ),
    "counter": (
        r"""from collections import Counter, defaultdict, namedtuple
P = namedtuple('P', 'x y')
def count(s): return Counter(s)
def point(): return P(1, 2)
def dd(): d = defaultdict(list); d['a'].append(1); return d""",
        r"""P = tuple
def count(s): return {}
def point(): return (1, 2)
def dd(): return {}""",
        r"""assert count('aab') == {'a': 2, 'b': 1} and count('aab')['a'] == 2
assert count('aab').most_common(1) == [('a', 2)]
assert point().x == 1 and point() == (1, 2) and len(point()) == 2
assert dd()['a'] == [1] and dd() == {'a': [1]}""",
    ),
    "generator": (
        r"""def fib():
    a, b = 0, 1
    while True:
        yield a
        a, b = b, a + b""",
        r"""def fib():
    yield from [0, 1, 2]""",
        r"""g = fib()
assert [next(g) for _ in range(6)] == [0, 1, 1, 2, 3, 5]
from itertools import islice
assert list(islice(fib(), 4)) == [0, 1, 1, 2]""",
    ),
    "generator_type": (
        r"""def upto(n):
    for i in range(n): yield i""",
        "def upto(n): return list(range(n))",
        r"""import types, inspect
assert isinstance(upto(3), types.GeneratorType)
assert inspect.isgeneratorfunction(upto)
assert list(upto(3)) == [0, 1, 2]""",
    ),
    "decorator": (
        r"""import functools
def twice(f):
    @functools.wraps(f)
    def g(*a): return f(f(*a))
    return g""",
        "def twice(f): return f",
        r"""@twice
def inc2(x):
    'doc'
    return x + 1
assert inc2(1) == 3 and inc2.__name__ == 'inc2' and inc2.__doc__ == 'doc'""",
    ),
    "counts_calls": (
        "def each(f, xs): return [f(x) for x in xs]",
        "def each(f, xs): return [f(x) for x in xs[1:]]",
        r"""seen = []
def note(x): seen.append(x); return x
assert each(note, [1, 2]) == [1, 2] and seen == [1, 2]""",
    ),
    "closure": (
        "def adder(n): return lambda x: x + n",
        "def adder(n): return lambda x: x",
        "assert adder(3)(4) == 7 and callable(adder(1))",
    ),
    "getsource": (
        r"""def total(n):
    s = 0
    for i in range(n): s += i
    return s""",
        "def total(n): return sum(range(n))",
        r"""import inspect
assert 'sum(' not in inspect.getsource(total) and 'for' in inspect.getsource(total)
assert total(4) == 6""",
    ),
    "signature": (
        r"""def power(base, exp=2):
    'Raise base to exp.'
    return base ** exp""",
        "def power(b, e): return b ** e",
        r"""import inspect
assert list(inspect.signature(power).parameters) == ['base', 'exp']
assert power.__doc__ and power.__name__ == 'power' and power.__defaults__ == (2,)
assert power(3) == 9 and power(base=2, exp=3) == 8""",
    ),
    "plots": (
        r"""import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([1, 2], [3, 4])
ax.set_xlabel('x')
ax.set_title('T')""",
        r"""import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([1, 2], [3, 5])
ax.set_xlabel('x')""",
        r"""assert ax.get_title() == 'T' and ax.get_xlabel() == 'x'
assert list(ax.lines[0].get_ydata()) == [3, 4] and len(ax.get_lines()) == 1""",
    ),
    "gca": (
        r"""import matplotlib.pyplot as plt
def draw():
    plt.plot([1, 2, 3])
    plt.title('A')""",
        r"""import matplotlib.pyplot as plt
def draw(): plt.plot([1, 2, 3])""",
        r"""import matplotlib.pyplot as plt
plt.close('all')
draw()
assert plt.gca().get_title() == 'A'
assert len(plt.gca().lines) == 1""",
    ),
    "gcf": (
        r"""import matplotlib.pyplot as plt
def savefig(name):
    plt.figure(); plt.plot([1, 2]); plt.savefig(name)""",
        "def savefig(name): pass",
        r"""import os
savefig('f.png')
assert os.path.exists('f.png')
with open('f.png', 'rb') as f: assert f.read(4) == b'\x89PNG'""",
    ),
    "prints": (
        "def hello(name): print('Hello,', name)",
        "def hello(name): return 'Hello, ' + name",
        r"""import io, contextlib
out = io.StringIO()
with contextlib.redirect_stdout(out): hello('Ada')
assert out.getvalue() == 'Hello, Ada\n'""",
    ),
    "sys_stdout": (
        "def bye(name): print('Bye', name)",
        "def bye(name): return 'Bye'",
        r"""import io, sys
old, sys.stdout = sys.stdout, io.StringIO()
try:
    bye('Ada')
    text = sys.stdout.getvalue()
finally: sys.stdout = old
assert text == 'Bye Ada\n', text""",
    ),
    "capture_output": (
        "def shout(): print('HEY')",
        "def shout(): print('hey')",
        r"""from IPython.utils.capture import capture_output
with capture_output() as c: shout()
assert c.stdout == 'HEY\n'""",
    ),
    "input": (
        "def ask(): return int(input('n? ')) + 1",
        "def ask(): return 1",
        r"""import builtins
old, builtins.input = builtins.input, lambda *a: '41'
try: assert ask() == 42
finally: builtins.input = old""",
    ),
    "input_mock": (
        "def ask2(): return int(input('n? ')) + 1",
        "def ask2(): return 1",
        r"""from unittest.mock import patch
with patch('builtins.input', return_value='41'): assert ask2() == 42""",
    ),
    "input_global": (
        "def ask3(): return int(input('n? ')) + 1",
        "def ask3(): return 1",
        r"""input = lambda *a: '41'
assert ask3() == 42
del input""",
    ),
    "stdin": (
        r"""import sys
def read(): return sys.stdin.read().split()""",
        "def read(): return []",
        r"""import io, sys
old, sys.stdin = sys.stdin, io.StringIO('a b')
try: assert read() == ['a', 'b']
finally: sys.stdin = old""",
    ),
    "mock_function": (
        r"""import random
def roll(): return random.randint(1, 6)""",
        "def roll(): return 7",
        r"""from unittest import mock
with mock.patch('random.randint', return_value=4) as m: assert roll() == 4
assert m.called""",
    ),
    "seeded": (
        r"""import random
def pick(xs): return random.choice(xs)""",
        "def pick(xs): return xs[0]",
        r"""import random
random.seed(3)
a = [pick([1, 2, 3, 4, 5, 6]) for _ in range(9)]
random.seed(3)
assert a == [random.choice([1, 2, 3, 4, 5, 6]) for _ in range(9)]""",
    ),
    "np_seeded": (
        r"""import numpy as np
def noise(n): return np.random.normal(size=n)""",
        r"""import numpy as np
def noise(n): return np.zeros(n)""",
        r"""import numpy as np
np.random.seed(1)
a = noise(3)
np.random.seed(1)
assert np.allclose(a, np.random.normal(size=3))""",
    ),
    "rng_given": (
        "def draw2(rng): return rng.normal()",
        "def draw2(rng): return 0",
        r"""import numpy as np
assert draw2(np.random.default_rng(1)) == np.random.default_rng(1).normal()""",
    ),
    "magics": (
        r"""%matplotlib inline
time_taken = 3
%time y = 4""",
        "y = 5",
        "assert y == 4",
    ),
    "magic_in_test": (
        "z = 5",
        "z = 6",
        r"""%matplotlib inline
assert z == 5""",
    ),
    "globals_between": (
        r"""counter = 0
def tick():
    global counter
    counter += 1""",
        r"""counter = 0
def tick(): pass""",
        r"""counter = 10
tick()
assert counter == 11""",
    ),
    "sets_global": (
        r"""RATE = 2
def price(x): return x * RATE""",
        r"""RATE = 2
def price(x): return x * 2""",
        r"""RATE = 5
assert price(2) == 10""",
    ),
    "replaces_function": (
        r"""def inner(x): return x + 1
def outer(x): return inner(x) * 2""",
        r"""def inner(x): return x + 1
def outer(x): return (x + 1) * 2""",
        r"""old_inner = inner
del inner
try: outer(1)
except NameError: pass
else: raise AssertionError('outer does not use inner')
finally: inner = old_inner""",
    ),
    "in_globals": (
        "answer = 42",
        "answr = 42",
        r"""assert 'answer' in globals()
assert answer == 42""",
    ),
    "in_dir": (
        "answer2 = 42",
        "answr = 42",
        r"""assert 'answer2' in dir()
assert 'answer2' in locals()""",
    ),
    "name_defined": (
        "v = 1",
        "w = 1",
        r"""try: v
except NameError: raise AssertionError('no v')
assert v == 1""",
    ),
    "later_use": (
        "table = [1, 2, 3]",
        "table = [1, 2]",
        r"""first = table[0]
assert len(table) == 3
del table[0]
assert table == [2, 3]""",
    ),
    "sets": (
        "def uniq(x): return set(x)",
        "def uniq(x): return list(x)",
        "assert uniq([1, 1, 2]) == {1, 2} and type(uniq([])) is set",
    ),
    "floats": (
        r"""import math
def f(): return [float('nan'), float('inf'), -0.0, 10 ** 30]""",
        "def f(): return [0, 0, 0, 0]",
        r"""import math
a = f()
assert math.isnan(a[0]) and math.isinf(a[1]) and math.copysign(1, a[2]) < 0 and a[3] == 10 ** 30""",
    ),
    "fractions": (
        r"""from fractions import Fraction
from decimal import Decimal
from datetime import date
def q(): return Fraction(1, 3), Decimal('0.1'), date(2020, 1, 2)""",
        "def q(): return (0, 0, 0)",
        r"""from fractions import Fraction
from decimal import Decimal
from datetime import date
assert q()[0] == Fraction(1, 3) and q()[1] == Decimal('0.1') and q()[2] == date(2020, 1, 2)""",
    ),
    "operators": (
        r"""class V:
    def __init__(self, x): self.x = x
    def __add__(self, o): return V(self.x + o.x)
    def __repr__(self): return f'V({self.x})'
    def __lt__(self, o): return self.x < o.x
    def __getitem__(self, i): return self.x
    def __contains__(self, i): return i == self.x
    def __mul__(self, k): return V(self.x * k)
    __rmul__ = __mul__
    def __neg__(self): return V(-self.x)
    def __hash__(self): return 7
    def __abs__(self): return abs(self.x)
    def __enter__(self): return self
    def __exit__(self, *a): return False""",
        r"""class V:
    def __init__(self, x): self.x = x""",
        r"""assert (V(1) + V(2)).x == 3 and repr(V(1)) == 'V(1)' and V(1) < V(2) and V(3)[0] == 3 and 3 in V(3)
assert (V(2) * 3).x == 6 and (3 * V(2)).x == 6 and (-V(1)).x == -1 and hash(V(1)) == 7 and abs(V(-2)) == 2
assert max(V(1), V(5)).x == 5 and sorted([V(2), V(1)])[0].x == 1
with V(3) as v: assert v.x == 3
assert f'{V(1)}' == 'V(1)' and str(V(2)) == 'V(2)'""",
    ),
    "property": (
        r"""class T:
    def __init__(self): self._c = 0
    @property
    def f(self): return self._c * 9 / 5 + 32
    @f.setter
    def f(self, v): self._c = (v - 32) * 5 / 9
    @staticmethod
    def s(): return 1
    @classmethod
    def make(cls): return cls()""",
        r"""class T:
    f = 32""",
        r"""t = T()
assert t.f == 32
t.f = 212
assert abs(t._c - 100) < 1e-9
assert T.s() == 1 and isinstance(T.make(), T) and type(t) is T
assert 'f' in dir(T) and isinstance(T.f, property)""",
    ),
    "dataclass": (
        r"""from dataclasses import dataclass
@dataclass
class D:
    a: int
    b: str = 'x'""",
        r"""class D:
    def __init__(self, a, b='x'): self.a, self.b = a, b""",
        r"""assert D(1) == D(1, 'x') and D(1) != D(2) and repr(D(1)) == "D(a=1, b='x')"
import dataclasses
assert dataclasses.asdict(D(3)) == {'a': 3, 'b': 'x'}""",
    ),
    "linked": (
        r"""class N:
    def __init__(self, v, nxt=None): self.v, self.next = v, nxt
def build(xs):
    head = None
    for x in reversed(xs): head = N(x, head)
    return head""",
        r"""class N:
    def __init__(self, v, nxt=None): self.v, self.next = v, nxt
def build(xs): return None""",
        r"""n, got = build([1, 2, 3]), []
while n is not None:
    got.append(n.v)
    n = n.next
assert got == [1, 2, 3]""",
    ),
    "identity": (
        r"""class One:
    _i = None
    def __new__(cls):
        if cls._i is None: cls._i = super().__new__(cls)
        return cls._i""",
        "class One: pass",
        "assert One() is One()",
    ),
    "time_limit": (
        "def quick(n): return n * (n + 1) // 2",
        r"""def quick(n):
    s = 0
    for i in range(n + 1): s += i
    return -s""",
        r"""import time
t = time.time()
assert quick(1000) == 500500
assert time.time() - t < 5""",
    ),
    "recursion": (
        "def depth(n): return 0 if n == 0 else 1 + depth(n - 1)",
        "def depth(n): return depth(n)",
        "assert depth(100) == 100",
    ),
    "lambda_given": (
        r"""def integrate(f, a, b, n=1000):
    return sum(f(a + (i + .5) * (b - a) / n) for i in range(n)) * (b - a) / n""",
        "def integrate(f, a, b, n=1): return 0",
        "assert abs(integrate(lambda x: x ** 2, 0, 1) - 1 / 3) < 1e-4",
    ),
    "array_ops": (
        r"""import numpy as np
def A(): return np.arange(6.).reshape(2, 3)""",
        r"""import numpy as np
def A(): return np.arange(6.)""",
        r"""a = A()
assert a.shape == (2, 3) and a.ndim == 2 and a.sum() == 15 and (a @ a.T).shape == (2, 2)
assert a[1, 2] == 5 and (a > 3).sum() == 2""",
    ),
    "struct_array": (
        r"""import numpy as np
def S():
    pairs, things = np.array([(1, 2.)], dtype=[('a', int), ('b', float)]), np.array(['x', None], dtype=object)
    return pairs, things, np.datetime64('2020-01-01'), np.array(['2020-01-01'], dtype='datetime64[D]')""",
        "def S(): return 0,0,0,0",
        r"""import numpy as np
s = S()
assert s[0]['a'][0] == 1 and s[0].dtype.names == ('a', 'b') and s[1][0] == 'x'
assert s[2] == np.datetime64('2020-01-01') and s[3][0] == np.datetime64('2020-01-01')""",
    ),
    "masked": (
        r"""import numpy as np
def M(): return np.ma.masked_equal([1, 2, 2], 2)""",
        "def M(): return 0",
        "assert M().count() == 1 and M().sum() == 1",
    ),
    "poly": (
        r"""import numpy as np
p = np.poly1d([1, 2])""",
        "p = None",
        "assert p(2) == 4 and p.order == 1",
    ),
    "strings": (
        "def clean(s): return s.strip().lower()",
        "def clean(s): return s",
        r"""assert clean('  AB ') == 'ab' and isinstance(clean(''), str)
assert clean('É').encode() == b'\xc3\xa9'""",
    ),
    "cell_raises": (
        "def later(): raise KeyError('k')",
        "def later(): pass",
        r"""try: later()
except KeyError as e: assert e.args == ('k',)
else: assert False""",
    ),
    "await": (
        "async def slow(x): return x + 1",
        "async def slow(x): return x",
        r"""import asyncio
assert await slow(1) == 2""",
    ),
    "helper_in_test": (
        "def sq(x): return x * x",
        "def sq(x): return x",
        r"""def check(f, pairs):
    for a, b in pairs: assert f(a) == b, f'{f.__name__}({a})'
check(sq, [(1, 1), (3, 9)])""",
    ),
    "ast_of_source": (
        "def loopy(n): return [i for i in range(n)]",
        "def loopy(n): return list(range(n))",
        r"""import ast, inspect
tree = ast.parse(inspect.getsource(loopy))
assert any(isinstance(n, ast.ListComp) for n in ast.walk(tree))""",
    ),
    "notebook_history": (
        "hist = 1",
        "hist = 2",
        "assert 'hist' in ''.join(get_ipython().user_ns.keys()) and hist == 1",
    ),
    "enum": (
        r"""from enum import Enum
class C(Enum):
    RED = 1
    BLUE = 2""",
        r"""class C:
    RED = 1""",
        r"""assert C.RED.value == 1 and C.RED.name == 'RED' and len(C) == 2 and C(2) is C.BLUE
assert C.RED != C.BLUE and C.RED == C.RED
assert [c.name for c in C] == ['RED', 'BLUE']""",
    ),
    "np_random_default": (
        r"""import numpy as np
def walk(seed): return np.random.default_rng(seed).integers(0, 10, 5)""",
        r"""import numpy as np
def walk(seed): return np.zeros(5)""",
        r"""import numpy as np
assert (walk(3) == np.random.default_rng(3).integers(0, 10, 5)).all()""",
    ),
    "partial_credit": (
        "def half_right(x): return abs(x)",
        "def half_right(x): return x",
        r"""score = 0
if half_right(1) == 1: score += .5
if half_right(-1) == 1: score += .5
score""",
    ),
    "hash_compare": (
        "secret = 'spam'",
        "secret = 'eggs'",
        r"""import hashlib
assert hashlib.md5(str(secret).encode()).hexdigest() == 'e09f6a7593f8ae3994ea57e1117f67ec'""",
    ),
    "hash_of_array": (
        r"""import numpy as np
w = np.array([1, 2, 3])""",
        r"""import numpy as np
w = np.array([1, 2])""",
        r"""from hashlib import sha1
assert sha1(str(w).encode()).hexdigest() == sha1(b'[1 2 3]').hexdigest()""",
    ),
    "type_name": (
        r"""import numpy as np
q1 = 3.5""",
        "q1 = '3.5'",
        r"""from hashlib import sha1
assert sha1(str(type(q1)).encode('utf-8')).hexdigest() == sha1(b"<class 'float'>").hexdigest()""",
    ),
    "string_io": (
        "def to(f): f.write('hi')",
        "def to(f): pass",
        r"""import io
f = io.StringIO()
to(f)
assert f.getvalue() == 'hi'""",
    ),
    "object_given": (
        "def area(shape): return shape.w * shape.h",
        "def area(shape): return 0",
        r"""class R:
    def __init__(self, w, h): self.w, self.h = w, h
assert area(R(2, 3)) == 6""",
    ),
    "subclassed_in_test": (
        r"""class Base:
    def run(self): return self.step() + 1
    def step(self): return 1""",
        r"""class Base:
    def run(self): return 2
    def step(self): return 1""",
        r"""class Sub(Base):
    def step(self): return 10
assert Sub().run() == 11""",
    ),
    "monkeypatch_method": (
        r"""class Cl:
    def go(self): return self.part()
    def part(self): return 1""",
        r"""class Cl:
    def go(self): return 1
    def part(self): return 1""",
        r"""Cl.part = lambda self: 5
assert Cl().go() == 5""",
    ),
    "vars_of": (
        r"""class Obj:
    def __init__(self): self.a = 1""",
        "class Obj: a = 1",
        "assert vars(Obj()) == {'a': 1} and Obj().__dict__ == {'a': 1} and Obj().__class__.__name__ == 'Obj'",
    ),
    "len_int": (
        r"""class L:
    def __len__(self): return 4
    def __iter__(self): return iter([1, 2, 3, 4])
    def __call__(self, x): return x
    def __bool__(self): return False
    def __int__(self): return 9""",
        "class L: pass",
        "assert len(L()) == 4 and list(L()) == [1, 2, 3, 4] and L()(3) == 3 and not L() and int(L()) == 9",
    ),
    "iterator": (
        r"""class It:
    def __init__(self, n): self.n = n
    def __iter__(self): return self
    def __next__(self):
        if self.n == 0: raise StopIteration
        self.n -= 1
        return self.n""",
        r"""class It:
    def __init__(self, n): pass""",
        r"""assert list(It(3)) == [2, 1, 0]
i = iter(It(1))
assert next(i) == 0
try: next(i)
except StopIteration: pass
else: assert False""",
    ),
    "kinds": (
        r"""def evens(n): return [2 * i for i in range(n)]
def count(s):
    d = {}
    for c in s: d[c] = d.get(c, 0) + 1
    return d
def both(a, b): return a + b, a - b
def ratio(a, b): return a / b
def letters(s): return set(s)
def big(s): return s.upper()
def after(n): return n + 1""",
        r"""def evens(n): return [2 * i for i in range(n + 1)]
def count(s): return {}
def both(a, b): return a, b
def ratio(a, b): return b
def letters(s): return set()
def big(s): return s
def after(n): return n""",
        r"""assert list(evens(3)) == [0, 2, 4] and sum(evens(4)) == 12 and all(a == b for a, b in zip(evens(2), [0, 2]))
x = evens(3)
assert 2 in x and 4 in x
assert count('aab') == {'a': 2, 'b': 1} and isinstance(count('a'), dict) and count('aab').keys() == {'a', 'b'}
assert both(3, 1) == (4, 2) and isinstance(both(3, 1), tuple)
assert abs(ratio(1, 4) - 0.25) < 1e-9 and ratio(1, 4) == 0.25 and ratio(1, 4) < 1 and f'{ratio(1, 4):.2f}' == '0.25'
assert letters('aba') == {'a', 'b'} and letters('ab') | {'c'} == {'a', 'b', 'c'}
assert big('ab') == 'AB' and big('ab') + 'C' == 'ABC'
assert after(1) == 2 and [1, 2, 3][after(1)] == 3 and isinstance(after(1), int)""",
    ),
    "a_list": (
        "def odds(n): return [2 * i + 1 for i in range(n)]",
        "def odds(n): return []",
        "assert odds(2) == [1, 3]",
    ),
    "read_once": (
        "def squares(n): return [i * i for i in range(n)]",
        "def squares(n): return []",
        r"""x = squares(3)
assert list(x) == [0, 1, 4] and list(x) == [0, 1, 4]""",
    ),
}

# answers of another kind than the solution's: right ones, and two for which stock gives nothing
OTHER = {
    "kinds": r"""from collections import Counter, namedtuple
from enum import IntEnum
def evens(n):
    for i in range(n): yield 2 * i
count = Counter
Both = namedtuple('Both', 'sum difference')
def both(a, b): return Both(a + b, a - b)
class Ratio(float): pass
def ratio(a, b): return Ratio(a / b)
def letters(s): return dict.fromkeys(s).keys()
class Text(str): pass
def big(s): return Text(s.upper())
class Number(IntEnum): two = 2
def after(n): return Number(n + 1)""",
    "a_list": "def odds(n): return map(lambda i: 2 * i + 1, range(n))",
    "read_once": "def squares(n): return (i * i for i in range(n))",
}
