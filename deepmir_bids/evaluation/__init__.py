"""How good a prediction is: lesions against a truth, their figures and pictures."""
