"""The master: supervises, measures, reloads and never runs an application."""
