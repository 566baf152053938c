"""What a project requires of Python, in whichever file it says so."""
