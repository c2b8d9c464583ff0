"""Send one request, judge its response, and retry it."""
