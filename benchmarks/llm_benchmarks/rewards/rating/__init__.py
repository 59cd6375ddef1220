"""People judge texts: the questions, the page, the file of answers, and what the answers show."""
