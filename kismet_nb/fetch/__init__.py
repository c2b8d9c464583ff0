"""All pages of lists, proved complete, as tables."""
