"""Write tables to files, and read them back."""
