# What the live tests ask a PSGI application for; only modules of Perl itself.
use strict;
use warnings;
use JSON::PP ();
use Digest::MD5 ();

my @text = ('Content-Type' => 'text/plain');
my $loaded = time;
my $answered = 0;

sub shown {
    my ($value) = @_;
    return defined $value ? "$value" : undef unless ref $value;
    return [map { shown($_) } @$value] if ref $value eq 'ARRAY';
    return ref $value eq 'CODE' ? 'code' : 'object';
}

sub whole_body {
    my ($env) = @_;
    my ($body, $input) = ('', $env->{'psgi.input'});
    while ($input->read(my $piece, 8000)) { $body .= $piece }
    return $body;
}

my %pages = (
    '/env' => sub {
        my ($env) = @_;
        my $seen = JSON::PP->new->canonical->latin1->encode({ map { $_ => shown($env->{$_}) } keys %$env });
        return [200, ['Content-Type' => 'application/json', 'Content-Length' => length $seen], [$seen]];
    },
    '/pid' => sub { [200, [@text], [$$]] },
    '/hello' => sub { [200, [@text], ["hello\n"]] },
    '/digest' => sub { [200, [@text], [Digest::MD5::md5_hex(whole_body($_[0]))]] },
    '/offset' => sub {
        my $read = 'ab';
        my $count = $_[0]{'psgi.input'}->read($read, 3, 4);
        return [200, [@text], [$count, ' ', $read]];
    },
    '/seek' => sub {
        my ($env) = @_;
        my $answer = eval {
            $env->{'psgi.input'}->read(my $first, 5);
            $env->{'psgi.input'}->seek(0, 0);
            "$first|" . whole_body($env);
        };
        return [200, [@text], [defined $answer ? $answer : 'no seek']];
    },
    '/pieces' => sub { [200, [@text], ['one ', '', 'two ', 'three']] },
    '/empty' => sub { [204, [], []] },
    '/none' => sub { [200, [@text], []] },
    '/headers' => sub { [299, ['X-One' => 1, 'x-two' => 'a, b', 'X-One' => 'again', 'X-Empty' => ''], ['ok']] },
    '/large' => sub { [200, [@text], ['0123456789' x 100_000]] },
    '/wide' => sub { my $text = "caf\x{e9}"; utf8::upgrade($text); return [200, [@text], [$text]] },
    '/handle' => sub { open my $file, '<', __FILE__ or die $!; return [200, [@text], $file] },
    '/rest' => sub { open my $file, '<', __FILE__ or die $!; readline $file; return [200, [@text], $file] },
    '/memory' => sub { open my $file, '<', \"in memory\nonly\n" or die $!; return [200, [@text], $file] },
    '/object' => sub { [200, [@text], Counting->new(3)] },
    '/path' => sub { [200, [@text], Named->new(__FILE__)] },
    '/delayed' => sub { return sub { $_[0]->([200, [@text], ['late']]) } },
    '/delayed-more' => sub { return sub { $_[0]->([200, [@text], ['late']]); uwsgi::log('called after the answer') } },
    '/delayed-die' => sub { return sub { $_[0]->([200, [@text], ['late']]); die "an apple fell after all\n" } },
    '/stream' => sub {
        return sub {
            my $writer = $_[0]->([200, [@text]]);
            $writer->write("part $_\n") for 1 .. 3;
            $writer->close;
        };
    },
    '/endless' => sub {
        return sub {
            my $writer = $_[0]->([200, [@text]]);
            eval { $writer->write('x' x 10_000) while 1; 1 } or uwsgi::log("stopped: $@");
        };
    },
    '/later' => sub { push @{$_[0]{'psgix.cleanup.handlers'}}, sub {
            my $file = $_[0]{QUERY_STRING};
            if (length $file) { select undef, undef, undef, 0.01 until -e $file } else { sleep 1 }
            uwsgi::log("cleaned up $_[0]{PATH_INFO}");
        };
        return [200, [@text], ['soon']] },
    '/commit' => sub { $_[0]{'psgix.harakiri.commit'} = 1; return [200, [@text], [$$]] },
    '/logger' => sub { $_[0]{'psgix.logger'}->({ level => 'warn', message => 'told the logger' });
        $_[0]{'psgi.errors'}->print("told the errors\n"); return [200, [@text], ['ok']] },
    '/api' => sub {
        uwsgi::lock();
        my $locked = uwsgi::is_locked(0);
        uwsgi::unlock();
        uwsgi::set_logvar('flavour', 'sweet');
        my $missing = eval { uwsgi::cache_get('x'); 1 } ? '' : $@;
        return [200, [@text], [join '|', uwsgi::worker_id(), $locked, uwsgi::is_locked(0), uwsgi::request_id() >= 0,
            uwsgi::get_logvar('flavour'), ref $uwsgi::opt{socket} || $uwsgi::opt{master}, $missing =~ /does not have/ ? 1 : 0]];
    },
    '/state' => sub { [200, [@text], [++$answered, ' ', $loaded]] },
    '/argv' => sub { [200, [@text], ["@main::ARGUMENTS"]] },
    '/die' => sub { die "an apple fell\n" },
    '/die-late' => sub { return sub { my $writer = $_[0]->([200, [@text]]); $writer->write("begun\n"); die "an apple fell late\n" } },
    '/nothing' => sub { return },
    '/number' => sub { 42 },
    '/bad-status' => sub { ['abc', [@text], ['x']] },
    '/bad-headers' => sub { [200, { a => 1 }, ['x']] },
    '/odd-headers' => sub { [200, ['a'], ['x']] },
    '/bad-body' => sub { [200, [@text], 'text'] },
    '/split' => sub { [200, ["X-Evil" => "a\r\nSet-Cookie: b"], ['x']] },
    '/nul' => sub { [200, ["X-Evil" => "a\0b"], ['x']] },
    '/crash' => sub { kill 'SEGV', $$; sleep 30 },
    '/exit' => sub { exit 7 },
    '/sleep' => sub { print STDERR "asleep\n"; sleep 300; return [200, [@text], ['awake']] },
    '/deaf' => sub { $SIG{$_} = 'IGNORE' for qw(TERM HUP INT); print STDERR "deaf\n"; 1 while 1 },
    '/fork' => sub { if (!fork) { return [200, [@text], ['child']] } wait; return [200, [@text], ['parent']] },
    '/held' => sub { my $pid = fork; if (!$pid) { $0 = 'holds all'; sleep 60; POSIX::_exit(0) }
        print STDERR "held by $pid\n"; kill 'KILL', $$; sleep 60 },
    '/size' => sub { [200, [@text], ['x' x $_[0]{QUERY_STRING}]] },
    '/eat' => sub { my @full = map { $_ . 'x' x 1_000_000 } 1 .. 150; sleep 300; return [200, [@text], [scalar @full]] },
    '/fat' => sub { our @kept = map { $_ . 'x' x 1_000_000 } 1 .. 150; return [200, [@text], [scalar @kept]] },
    '/junk' => sub { for my $fd (3 .. 40) { open my $line, '>&=', $fd or next; next unless -S $line || -p $line; syswrite $line, "junk that is no frame"; }
        return [200, [@text], ['ok']] },
    '/close' => sub { for my $fd (3 .. 40) { POSIX::close($fd) } return [200, [@text], ['ok']] },
);

{
    package Counting;
    sub new { my ($class, $most) = @_; return bless { most => $most, at => 0 }, $class }
    sub getline { my ($self) = @_; return if $self->{at}++ >= $self->{most}; return "line $self->{at}\n" }
    sub close { uwsgi::log('the body was closed'); return }
}
{
    package Named;
    sub new { my ($class, $path) = @_; return bless { path => $path }, $class }
    sub path { return $_[0]{path} }
    sub getline { die 'not asked for' }
    sub close { return }
}

@main::ARGUMENTS = @ARGV;

sub {
    my ($env) = @_;
    my $path = $env->{PATH_INFO};
    $path =~ s{^(/env).*}{$1};
    my $page = $pages{$path} or return [404, [@text], ['no such page']];
    return $page->($env);
};
