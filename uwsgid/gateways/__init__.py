"""Gateways: the role that all of them play, the HTTP gateway before the workers, and the pool of zergs."""
