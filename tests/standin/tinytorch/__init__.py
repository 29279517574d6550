"""Somebody else's TinyTorch, modules 01-13 and 19 as far as the capstone needs them."""
__version__ = "0.5-standin"
