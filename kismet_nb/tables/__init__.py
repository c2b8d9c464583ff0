"""Records in, typed columns out."""
