"""Tests of the imperial monitors."""
