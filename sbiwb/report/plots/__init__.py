"""One figure a file: from a group of results to an inline SVG element."""
