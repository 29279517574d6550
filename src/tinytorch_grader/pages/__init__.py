"""What people read: feedback for a student, a report about the class."""
