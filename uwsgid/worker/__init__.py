"""The worker: what it does from its birth to its farewell, and how it serves one request."""
