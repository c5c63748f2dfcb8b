"""What a gateway process is: a child of the master that serves something else than requests."""
