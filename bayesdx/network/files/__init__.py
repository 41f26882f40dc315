"""Networks in the files of other tools. Knows no inference."""
