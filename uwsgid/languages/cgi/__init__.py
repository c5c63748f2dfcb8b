"""CGI: a process for each request, by RFC 3875."""
