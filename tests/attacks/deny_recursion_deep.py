# status: crashed graded memory timeout
# Recurses without a limit until the stack is gone.
import sys
sys.setrecursionlimit(10**9)
def f(n): return [f(n + 1)]
f(0)
