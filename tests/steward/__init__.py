"""Tests of ``uwsgid.steward``."""
