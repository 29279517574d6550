# Empties the table of modules and the builtins.
# status: graded crashed
import builtins, sys
for name in list(sys.modules):
    if name not in ("sys", "builtins"): del sys.modules[name]
for name in ("print", "len", "open", "isinstance", "range", "Exception"): delattr(builtins, name)
