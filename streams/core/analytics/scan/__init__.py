"""The scanner: conditions over the features of a symbol, evaluated on every update."""
