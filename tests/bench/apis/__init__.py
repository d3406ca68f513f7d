"""How many calls of an API 10,000 dirty paths take, and how long, where each call takes 50 ms."""
