"""How a worker waits for its clients: one module a way."""
