# Recurses without end, also through C.
import sys
def f(): return f()
try: f()
except RecursionError: pass
class A:
    def __repr__(self): return repr([self])
a = A()
repr(a)
