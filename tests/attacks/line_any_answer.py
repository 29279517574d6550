# Answers every question over the line with something drawn from all that the line can carry, the examiner's own things among it.
# status: tampered graded crashed timeout memory
import gc, random, types
line = next(o for o in gc.get_objects() if type(o).__name__ == "Student")
rng = random.Random(3)
def any_answer(question):
    name, *rest = question
    if name in ("run", "begin", "patch", "unpatch", "watch", "forget", "bind", "keep", "import"): return old(question)
    fakes = list(line.fakes.values())
    pool = [True, True, True, False, None, 0, 1, 1.0, "", "A", "float", [], {}, [[]], (), float("nan"), {"speedup": 4.0}, [True], [[True, True]], [[True, []]], [], types.SimpleNamespace()] + 3 * fakes[-5:]
    if name in ("each", "findings"): return [[True, rng.choice(pool)] for _ in rest[1]]
    return rng.choice(pool)
old = line.handle
line.handle = any_answer
