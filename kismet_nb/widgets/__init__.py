"""What a person clicks in a notebook."""
