# What the live tests ask of psgix.io: a protocol of lines, switched to as to a websocket.
use strict;
use warnings;

my @text = ('Content-Type' => 'text/plain');
my $kept;

sub switch_over {
    my ($io) = @_;
    print {$io} "HTTP/1.1 101 Switching Protocols\r\nUpgrade: lines\r\nConnection: Upgrade\r\n\r\n";
    while (defined(my $line = <$io>)) {
        last if $line eq "bye\n";
        $io->syswrite("heard $line");
    }
    close $io;
}

sub {
    my ($env) = @_;
    my ($path, $io) = ($env->{PATH_INFO}, $env->{'psgix.io'});
    if ($path eq '/switch') { switch_over($io); return [200, [@text], ['thrown away']] }
    if ($path eq '/late') { return sub { switch_over($io) } }
    if ($path eq '/writer') {
        return sub { my $writer = $_[0]->([200, [@text]]); switch_over($io); $writer->write('thrown away'); $writer->close };
    }
    if ($path eq '/dies') { switch_over($io); die "an apple fell on the line\n" }
    if ($path eq '/after') {
        push @{$env->{'psgix.cleanup.handlers'}}, sub { print {$io} "goodbye\n"; close $io };
        print {$io} "HTTP/1.0 200 OK\r\n\r\n";
        return [200, [], []];
    }
    if ($path eq '/kinds') {
        my %seen = (%$env);     # a copy takes nothing
        my @kinds = (ref $io, $io->isa('IO::Socket') ? 1 : 0, $io ? 1 : 0);
        my $number = fileno $io;
        push @kinds, ref $io, $number > 2 ? 1 : 0, $io->blocking, $io->opened ? 1 : 0, $io->can('peerhost') ? $io->peerhost : '-';
        print {$io} "HTTP/1.0 200 OK\r\n\r\n@kinds";
        return [200, [], []];
    }
    if ($path eq '/first') {
        my $name = $env->{QUERY_STRING};
        my $found = eval { $io->$name } // "no $name";
        print {$io} "HTTP/1.0 200 OK\r\n\r\n$found";
        return [200, [], []];
    }
    if ($path eq '/keep') { $kept = $io; return [200, [@text], ['kept']] }
    if ($path eq '/kept') { my $ok = eval { print {$kept} ''; 1 }; return [200, [@text], [$ok ? 'taken' : $@]] }
    if ($path eq '/refused') { my $ok = eval { print {$io} ''; 1 }; return [200, [@text], [$ok ? 'taken' : $@]] }
    return [200, [@text], [exists $env->{'psgix.io'} ? 'there' : 'absent']];
}
