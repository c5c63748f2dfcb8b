# The pages that each language has behind each front end: what was asked, what was sent, and some answers.
use strict;
use warnings;

my @seen = qw(REQUEST_METHOD SCRIPT_NAME PATH_INFO QUERY_STRING HTTP_X_ONE HTTP_HOST);

sub {
    my $env = shift;
    my $path = $env->{PATH_INFO};
    my ($status, $body) = (200, '');
    my @headers = ('Content-Type' => 'text/plain');
    if ($path eq '/digest') {
        my $data = '';
        while ($env->{'psgi.input'}->read(my $piece, 65536)) { $data .= $piece }
        $body = length($data) . ' ' . unpack('%32C*', $data);
    } elsif ($path eq '/large') {
        $body = join '', map { sprintf "%015d\n", $_ } 0 .. 6399;
    } elsif ($path eq '/missing') {
        ($status, $body) = (404, 'there is no such thing');
    } elsif ($path eq '/redirect') {
        $status = 302;
        push @headers, 'Location' => '/elsewhere?a=b', 'Set-Cookie' => 'a=1', 'Set-Cookie' => 'b=2';
    } else {
        $body = join '', map { "$_=" . ($env->{$_} // '') . "\n" } @seen;
    }
    push @headers, 'Content-Length' => length $body, 'X-Quoted' => 'a "b" \\ c; d=(e), <f>';
    return [$status, \@headers, [$body]];
};
