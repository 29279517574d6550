"""The grader of the capstone: release, intake, sandbox, grading, feedback; `python -m tinytorch_grader` is the
command `capstone`."""
