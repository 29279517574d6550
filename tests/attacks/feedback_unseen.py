# Writes a message that reads otherwise than it is: marks of direction, characters without a width, codes of a terminal.
raise ValueError("\u202e0 fo 59\u202c \u200b\u2060\ufeff\U000e0041 a\u200d\x1b[2J\x9b1A\x00\u2028full points")
