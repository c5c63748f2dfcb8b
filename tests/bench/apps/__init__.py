"""The applications that the benchmarks serve."""
