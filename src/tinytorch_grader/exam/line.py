"""The line between a student's process and the examiner's: frames, values, bounds.

Threat: whoever sits at the student's end sends what no student's process would: pickles, endless, deep, huge,
mistyped frames. A frame is JSON of a few plain types and raw bytes for arrays; nothing in it is ever executed,
imported or unpickled. What breaks a bound is `Refused`, and only a changed student's end breaks one: ours keeps
every bound first, and reports an answer too large as the student's ordinary error.
"""
import functools
import json
import math
import re
import struct
import types
from collections import Counter, OrderedDict, defaultdict
from decimal import Decimal
from fractions import Fraction

import numpy as np

PACKET = 2**16         # bytes of one send; fits the buffer of a SOCK_SEQPACKET
MOST_FRAME = 4 * 2**20  # bytes of a frame
MOST_BYTES = 2**28      # bytes of all frames of a submission
MOST_NODES = 200_000    # values in a frame
MOST_DEPTH = 40         # containers in containers
MOST_BITS = 4000        # of an int
MOST_TURNS = 5000       # calls back to the examiner within one question
MOST_NESTED = 60        # calls within calls
MOST_KINDS = 1000       # classes of the student's that one submission shows
# of MOST_BYTES, for small frames alone, so that an end can still say that something was too much
RESERVE = 2**24
MOST_ITEMS = 10_000     # items of a generator
MOST_TEXT = 4000        # characters of an error's text
PREFIX = struct.Struct("<II")   # bytes of JSON, bytes of arrays
DTYPE = re.compile(r"\|b1|\|[iu]1|[<>][iu][248]|[<>]f[248]|[<>]c(8|16)|[<>]U\d{1,4}")
ASK, GIVE, FAIL = "?", "=", "!"
PLAIN = frozenset({type(None), bool, str})   # what JSON has as it is, whatever the value
READ = frozenset({type(None), bool, str, int, float})
# as they are before any student's patch
ENCODE, DECODE = json.JSONEncoder(separators=(",", ":")).encode, json.JSONDecoder().raw_decode


class Refused(BaseException):
    "What came over the line is nothing that a student's process sends."


class Ended(BaseException):
    "The other end is gone."


class TooMuch(BufferError):
    "A value that is too large for the line, or a call too many: the student's error, of a kind that no test asks for."


class Frames:
    "Frames over a connected socket, a SOCK_SEQPACKET or a stream. Each is a JSON value and raw bytes."

    def __init__(self, sock):
        self.sock, self.buffer, self.left, self.sent, self.count = sock, b"", MOST_BYTES, 0, 0

    def send(self, message, raw=b""):
        head = ENCODE(message).encode()
        if len(head) + len(raw) > MOST_FRAME:
            raise TooMuch(f"{len(head) + len(raw)} bytes in one answer, expected at most {MOST_FRAME}")
        data = PREFIX.pack(len(head), len(raw)) + head + raw
        if len(data) > PACKET and self.sent + len(data) > MOST_BYTES - RESERVE:
            raise TooMuch(f"more than {MOST_BYTES} bytes in all answers")
        self.sent += len(data)
        try:
            for at in range(0, len(data), PACKET): self.sock.sendall(data[at:at + PACKET])
        except TimeoutError: raise   # the parent's, at the end of its patience
        except OSError as e: raise Ended from e

    def receive(self):
        "The next frame: its JSON value, and its raw bytes."
        data = self.more(self.buffer, PREFIX.size)
        head, raw = PREFIX.unpack_from(data)
        self.left, self.count = self.left - head - raw, self.count + 1
        if head + raw > MOST_FRAME or self.left < 0: raise Refused("more bytes than the line carries")
        begin, end = PREFIX.size + head, PREFIX.size + head + raw
        data = self.more(data, end)
        self.buffer = data[end:]
        try:
            text = data[PREFIX.size:begin].decode()
            value, size = DECODE(text)
        except (ValueError, RecursionError) as e: raise Refused(f"no JSON ({type(e).__name__})") from None
        if size != len(text): raise Refused("no JSON (more than one value)")
        return value, data[begin:end]

    def more(self, data, count):
        "`data` and what comes after it, until there are `count` bytes."
        parts, size = [data], len(data)
        while size < count:
            try: part = self.sock.recv(PACKET)
            except TimeoutError: raise
            except OSError as e: raise Ended from e
            if not part: raise Ended
            parts.append(part)
            size += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


@functools.lru_cache(maxsize=256)
def crosses(name):
    "Whether arrays of the dtype `name` cross the line."
    return bool(DTYPE.fullmatch(name))


class Values:
    """Python values as JSON and back, exact types only; a subclass says what becomes of everything else.

    A JSON object is always a tag with its content: {"t": [...]} is a tuple, {"a": [dtype, shape, start]} an array in
    the raw bytes."""

    def pack(self, value, raw, depth=0):
        "`value` for a frame; arrays are added to the bytearray `raw`. TooMuch for what no frame holds."
        kind = type(value)
        if kind in PLAIN: return value
        if kind is float: return value if math.isfinite(value) else {"f": repr(value)}
        if kind is int and value.bit_length() < MOST_BITS: return value
        self.room -= 1
        if depth > MOST_DEPTH or self.room < 0 or kind is int:
            raise TooMuch(f"an answer with more than {MOST_DEPTH} levels, {MOST_NODES} values or {MOST_BITS} bits in a "
                          "number")
        packer = self.packers.get(kind)
        return packer(self, value, raw, depth + 1) if packer else self.pack_other(value, raw, depth + 1)

    def pack_list(self, value, raw, depth):
        return [v if type(v) in PLAIN else self.pack(v, raw, depth) for v in value]

    def pack_dict(self, value, raw, depth):
        if all(type(key) is str for key in value):
            return {"D": {key: v if type(v) in PLAIN else self.pack(v, raw, depth) for key, v in value.items()}}
        return {"d": [[self.pack(k, raw, depth), self.pack(v, raw, depth)] for k, v in value.items()]}

    def pack_array(self, value, raw, depth):
        if not crosses(name := value.dtype.str): return self.pack_other(value, raw, depth)
        start, data = len(raw), np.ascontiguousarray(value).tobytes()
        if start + len(data) > MOST_FRAME:
            raise TooMuch(f"an array of {len(data)} bytes, expected at most {MOST_FRAME}")
        raw += data
        return {"a": [name, list(value.shape), start]}

    def pack_scalar(self, value, raw, depth):
        "A NumPy scalar: an array without dimensions, and the word that it was one."
        return {"n": self.pack_array(np.asarray(value), raw, depth)["a"]}

    def unpack(self, thing, raw, depth=0):
        "The value of what `pack` gave; Refused for anything else."
        kind = type(thing)
        if kind in READ: return thing
        if depth > MOST_DEPTH + 4: raise Refused("too many levels")
        if kind is list: return [v if type(v) in READ else self.unpack(v, raw, depth + 1) for v in thing]
        if kind is not dict or len(thing) != 1: raise Refused("no tag")
        (tag, content), = thing.items()
        unpacker = self.unpackers.get(tag)
        if not unpacker: raise Refused("an unknown tag")
        try: return unpacker(self, content, raw, depth + 1)
        except (TypeError, ValueError, KeyError, IndexError, ArithmeticError, AttributeError) as e:
            raise Refused(f"a mistyped value ({type(e).__name__})") from None

    def unpack_dict(self, content, raw, depth):
        return {key: v if type(v) in READ else self.unpack(v, raw, depth) for key, v in content.items()}

    def unpack_pairs(self, content, raw, depth):
        return {self.unpack(k, raw, depth): self.unpack(v, raw, depth) for k, v in content}

    def unpack_array(self, content, raw, depth):
        name, shape, start = content
        if type(name) is not str or not crosses(name) or len(shape) > 32: raise Refused("no array")
        if not all(type(n) is int and n >= 0 for n in [*shape, start]): raise Refused("no shape")
        dtype, count = np.dtype(name), math.prod(shape)
        if count * dtype.itemsize > len(raw) - start: raise Refused("an array beyond its bytes")
        if not dtype.itemsize or not count:
            return np.zeros(shape, dtype) if math.prod(n or 1 for n in shape) <= MOST_FRAME else None
        return np.frombuffer(raw, dtype, count, start).reshape(shape).copy()

    def unpack_scalar(self, content, raw, depth):
        return self.unpack_array(content, raw, depth)[()]

    def many(self, content, raw, depth):
        if type(content) is not list: raise Refused("no items")
        return [v if type(v) in READ else self.unpack(v, raw, depth) for v in content]

    def pack_bytes(self, value, raw, depth):
        start = len(raw)
        raw += value
        return {"b": [start, len(value)]}

    def unpack_bytes(self, content, raw, depth):
        start, size = content
        if type(start) is not int or type(size) is not int or not 0 <= start <= start + size <= len(raw):
            raise Refused("no bytes")
        return raw[start:start + size]


    def pack_default(self, value, raw, depth):
        "A defaultdict, with what makes its new values where that is a plain type."
        return {"F": [FACTORIES.get(value.default_factory), self.pack_dict(value, raw, depth)]}

    def unpack_default(self, content, raw, depth):
        name, items = content
        return defaultdict(next((kind for kind, known in FACTORIES.items() if known == name), None),
                           self.unpack(items, raw, depth))

    def pack_decimal(self, value, raw, depth):
        if abs(value.adjusted()) > MOST_BITS: raise TooMuch(f"a Decimal of over {MOST_BITS} places")
        return {".": str(value)}

    def unpack_decimal(self, content, raw, depth):
        if type(content) is not str or len(content) > 2 * MOST_BITS or abs((found := Decimal(content)).adjusted()) > (
                MOST_BITS): raise Refused("no Decimal")
        return found

    def unpack_fraction(self, content, raw, depth):
        if [type(part) for part in content] != [int, int]: raise Refused("no Fraction")
        return Fraction(*content)


def packed_items(tag, items=list):
    return lambda self, value, raw, depth: {tag: self.pack_list(items(value), raw, depth)}


def unpacked_items(make):
    return lambda self, content, raw, depth: make(self.many(content, raw, depth))


def packed_dict(tag):
    return lambda self, value, raw, depth: {tag: self.pack_dict(dict(value), raw, depth)}


def unpacked_dict(make):
    return lambda self, content, raw, depth: make(self.unpack(content, raw, depth))


class Items(list):
    "What a generator gave, on its way: a generator again at the other end."


FACTORIES = {kind: kind.__name__ for kind in (int, float, str, list, dict, set, tuple, bool)}
KEYS, VALUES, ITEMS = (type(view) for view in ({}.keys(), {}.values(), {}.items()))

PACKERS = {list: Values.pack_list, tuple: packed_items("t"), set: packed_items("s"), frozenset: packed_items("z"),
           dict: Values.pack_dict,
           bytes: Values.pack_bytes, np.ndarray: Values.pack_array,
           complex: packed_items("c", lambda v: (v.real, v.imag)),
           slice: packed_items("i", lambda v: (v.start, v.stop, v.step)),
           range: packed_items("r", lambda v: (v.start, v.stop, v.step)),
           Items: packed_items("g"), KEYS: packed_items("K"), VALUES: packed_items("V"), ITEMS: packed_items("I"),
           Counter: packed_dict("C"), OrderedDict: packed_dict("O"), types.MappingProxyType: packed_dict("P"),
           defaultdict: Values.pack_default, Decimal: Values.pack_decimal,
           Fraction: lambda self, value, raw, depth: {"/": self.pack_list([*value.as_integer_ratio()], raw, depth)},
           np.str_: lambda self, value, raw, depth: {"u": str(value)},
           type(...): lambda self, value, raw, depth: {"e": 0},
           types.SimpleNamespace: lambda self, value, raw, depth: {"N": self.pack_dict(vars(value), raw, depth)},
           **{kind: Values.pack_scalar for kind in set(np.sctypeDict.values()) if np.dtype(kind).kind in "biufc"
              and DTYPE.fullmatch(np.dtype(kind).str)}}
UNPACKERS = {"t": unpacked_items(tuple), "s": unpacked_items(set), "z": unpacked_items(frozenset),
             "g": unpacked_items(lambda v: (item for item in v)),
             "K": unpacked_items(lambda v: dict.fromkeys(v).keys()),
             "V": unpacked_items(lambda v: dict(enumerate(v)).values()), "I": unpacked_items(lambda v: dict(v).items()),
             "C": unpacked_dict(Counter), "O": unpacked_dict(OrderedDict), "P": unpacked_dict(types.MappingProxyType),
             "F": Values.unpack_default, ".": Values.unpack_decimal, "/": Values.unpack_fraction,
             "u": lambda self, content, raw, depth: np.str_(content),
             "c": unpacked_items(lambda v: complex(*v)),
             "i": unpacked_items(lambda v: slice(*v)), "r": unpacked_items(lambda v: range(*v)), "e": lambda *_: ...,
             "f": lambda self, content, raw, depth: {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[content],
             "D": Values.unpack_dict, "d": Values.unpack_pairs, "a": Values.unpack_array, "n": Values.unpack_scalar,
             "b": Values.unpack_bytes,
             "N": lambda self, content, raw, depth: types.SimpleNamespace(**self.unpack(content, raw, depth))}


class Line(Values):
    "One end: questions out, answers in, and questions of the other side served while an answer is awaited."
    packers, unpackers = PACKERS, UNPACKERS

    def __init__(self, sock):
        self.frames, self.room, self.nested = Frames(sock), MOST_NODES, 0

    def say(self, kind, body):
        self.room, raw = MOST_NODES, bytearray()
        packed = self.pack_list(body, raw, 1) if kind == ASK else self.pack(body, raw)
        self.frames.send([kind, self.tick(), packed], raw)

    def hear(self):
        "(kind, body) of the next frame."
        frame, raw = self.frames.receive()
        if type(frame) is not list or len(frame) != 3 or frame[0] not in (ASK, GIVE, FAIL): raise Refused("no frame")
        self.ticked(frame[1])
        return frame[0], self.unpack(frame[2], raw)

    def ask(self, *question):
        "The other end's answer to `question`, or its error raised here."
        self.say(ASK, question)
        while True:
            kind, body = self.hear()
            if kind == GIVE: return body
            if kind == FAIL: raise self.error(body)
            self.serve(body)

    def serve(self, question):
        "Answer one `question` of the other end."
        self.reply(*self.answer(question))

    def answer(self, question):
        self.nested += 1
        try: return GIVE, self.handle(question)
        except (Refused, Ended): raise
        except BaseException as e: return FAIL, self.told(e)
        finally: self.nested -= 1

    def reply(self, kind, body):
        try: self.say(kind, body)
        except TooMuch as e: self.say(FAIL, self.told(e))

    def told(self, error):
        """What the other end learns of an error: the names of its classes, what it says, and where in a student's
        cell it was raised."""
        text = lambda convert: said(convert, error)
        return {"names": [kind.__name__[:100] for kind in type(error).__mro__[:20]], "text": text(str),
                "repr": text(repr), "at": self.place(error.__traceback__)}

    def place(self, trace):
        "[cell, line] of the innermost line of a student's cell in a traceback, or None."
        found = None
        while trace is not None:
            name = trace.tb_frame.f_code.co_filename
            if name.startswith("<cell "): found = [name[6:-1], trace.tb_lineno]
            trace = trace.tb_next
        return found


def said(convert, thing, most=MOST_TEXT):
    "`convert(thing)` as a plain str; what it says must not matter, since it may be a stranger's code."
    try: return "".join([convert(thing)])[:most]
    except BaseException as e: return f"({type(e).__name__} in its {convert.__name__})"
