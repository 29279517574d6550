# Gives the tests modules of its own through an import hook.
import sys, types
fake = types.ModuleType("numpy")
fake.__getattr__ = lambda name: lambda *args, **kw: True
for name in ("inspect", "contextlib", "importlib", "linecache", "traceback", "numpy"): sys.modules[name] = fake
sys.meta_path.insert(0, type("Finder", (), {"find_spec": staticmethod(lambda *args: None)}))
