"""Ruby: the applications of Rack, in an interpreter of their own."""
