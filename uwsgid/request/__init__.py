"""A request between the wire and an application: its variables, its body, its reply and its log line."""
