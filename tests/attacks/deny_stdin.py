# Waits for somebody to type.
import sys
try: input("name? ")
except Exception as e: print(type(e).__name__)
sys.stdin.read()
