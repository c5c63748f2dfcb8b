"""Tests of the emperor."""
