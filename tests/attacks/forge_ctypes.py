# Overwrites False with True in the memory of the interpreter.
import ctypes
ctypes.memmove(id(False) + ctypes.sizeof(ctypes.c_size_t) * 2, id(True) + ctypes.sizeof(ctypes.c_size_t) * 2, 12)
