"""The pages and the API, one module per circle of people."""
