# The application of psgi.ini.
use strict;
use warnings;

sub {
    my ($env) = @_;
    return [200, ['Content-Type' => 'text/plain'], ["hello from Perl, $env->{PATH_INFO}\n"]];
};
