"""Write the HTML pages of a sweep."""
