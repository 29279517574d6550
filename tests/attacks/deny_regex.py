# status: timeout
# Keeps the regular expression engine busy for ever, where no signal is seen.
import re
re.match(r"(a+)+$", "a" * 60 + "b")
