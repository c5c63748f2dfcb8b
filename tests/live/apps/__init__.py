"""The applications that the live tests serve, loaded by path as a user would."""
