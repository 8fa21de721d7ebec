"""Questions to lawyers, the days on which they are answered, and the clocks that see to it."""
