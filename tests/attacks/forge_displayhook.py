# Hooks what runs when a value is shown or an error escapes.
import sys
sys.displayhook = sys.excepthook = sys.unraisablehook = lambda *args: None
try:
    shell = get_ipython()
    shell.showtraceback = lambda *args, **kw: None
    shell.set_custom_exc((BaseException,), lambda *args, **kw: None)
    shell.input_transformers_post.append(lambda lines: ["pass\n"])
    shell.events.register("pre_run_cell", lambda info: setattr(info, "raw_cell", "pass"))
    shell.ast_transformers.append(type("T", (), {"visit": lambda self, node: __import__("ast").parse("pass")})())
except NameError: pass
