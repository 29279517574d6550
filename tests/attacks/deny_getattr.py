# Leaves objects whose repr, str and hash never end well.
class Bomb:
    def __repr__(self): raise SystemExit(0)
    __str__ = __hash__ = __repr__
    def _repr_html_(self): return "x" * 10**8
    def _repr_mimebundle_(self, **kw): raise KeyboardInterrupt
Bomb()
