# Raises an exception whose message and traceback are the attack.
class Evil(Exception):
    def __str__(self): raise Evil
    __repr__ = __str__
    __traceback__ = property(lambda self: 1 / 0)
raise Evil("\ud800" * 10)
