# The least an application can do, so that what is measured is the server.
my $body = "Hello, world.\n";

sub {
    return [200, ['Content-Type' => 'text/plain', 'Content-Length' => length $body], [$body]];
};
