"""The HTML that the report is made from."""
