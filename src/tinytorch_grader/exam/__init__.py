"""Two processes for each submission: the student's (student.py), the examiner's (examiner.py) and the line between
them (line.py)."""
