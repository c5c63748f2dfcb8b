"""The language Perl: PSGI applications, in an interpreter at the other end of a bridge."""
