"Where submissions run: two processes each, in cages or bare; what they may use; how they ended."
from .bare import Bare, FrameworkMissing
from .outcome import Error, Limits, Outcome, Verdict

__all__ = ["Bare", "Error", "FrameworkMissing", "Limits", "Outcome", "Verdict"]
