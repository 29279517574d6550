# Makes files without end.
try:
    for i in range(10**6): open(f"/tmp/{i}", "w").close()
except OSError: print("no more")
