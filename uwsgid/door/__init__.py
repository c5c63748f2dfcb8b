"""Where the house is put together: command line, boot, and the list of everything that is built in."""
