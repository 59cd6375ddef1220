"""What separates sentences from word salad: classes of words, their order, and a classifier of features."""
