#!/usr/bin/perl
# The pages that each language has behind each front end: what was asked, what was sent, and some answers.
use strict;
use warnings;

my @seen = qw(REQUEST_METHOD SCRIPT_NAME PATH_INFO QUERY_STRING HTTP_X_ONE HTTP_HOST);
my $path = $ENV{PATH_INFO} // '';
my ($status, $body) = ('200 OK', '');
my @headers = ('Content-Type: text/plain');
if ($path eq '/digest') {
    my $data = '';
    my $length = $ENV{CONTENT_LENGTH} || 0;
    while (length $data < $length) { read(STDIN, $data, $length - length $data, length $data) or last }
    $body = length($data) . ' ' . unpack('%32C*', $data);
} elsif ($path eq '/large') {
    $body = join '', map { sprintf "%015d\n", $_ } 0 .. 6399;
} elsif ($path eq '/missing') {
    ($status, $body) = ('404 Not Found', 'there is no such thing');
} elsif ($path eq '/redirect') {
    $status = '302 Found';
    push @headers, 'Location: /elsewhere?a=b', 'Set-Cookie: a=1', 'Set-Cookie: b=2';
} else {
    $body = join '', map { "$_=" . ($ENV{$_} // '') . "\n" } @seen;
}
push @headers, 'Content-Length: ' . length $body, 'X-Quoted: a "b" \\ c; d=(e), <f>';
print "Status: $status\r\n", map("$_\r\n", @headers), "\r\n", $body;
