# The life of a child: greets the core of a worker, and waits for its requests.

package uwsgid;

use 5.032;
use strict;
use warnings;

use Errno ();
use POSIX ();
use Socket ();

use constant {
    SHORT    => 8192,       # bytes of one read of the pipe, which is more than it ever has
    DAEMONS  => [qw(INT QUIT TERM HUP USR1 USR2)],
};

our (%config, @apps, $sock, $buffer, $talking, $owner, @postfork, $slot, $core, $told, $turn, $packet, $answers);

sub child {
    my ($connection, $read, $write) = @_;
    ($sock, $buffer, $owner, $turn) = ($connection, '', $$, 0);
    die_with_mother();
    $SIG{$_} = sub { } for @{+DAEMONS}, 'PIPE';
    $SIG{ALRM} = 'DEFAULT';
    alarm 10;
    my (undef, $payload) = expect('t');
    alarm 0;
    my ($token, %facts);
    ($token, $slot, $core, my @rest) = unpack '(V/a*)*', $payload;
    POSIX::_exit(1) if text($token) ne $config{token}[0];
    while (@rest) { my ($name, $value) = splice @rest, 0, 2; push @{$facts{$name}}, $value }
    $told = \%facts;
    learn(\%facts);
    $0 = "uwsgid perl of worker $slot" . ($core ? " core $core" : '');
    $talking = 1;
    for my $hook (@postfork) { eval { $hook->(); 1 } or complain("[uwsgi-perl error] $@") }
    for my $file (@{$config{'exec-post-fork'} || []}) {
        my $why = run_file($file);
        if ($why ne '') { send_all(frame('n', "unable to run $file: $why")); leave(1) }
    }
    tell_files() if $config{watch};
    my $greeting = frame('o', pack 'VV', $$, scalar @apps);
    my $pipe = $facts{pipe} ? offer_pipes($greeting, $read) : undef;
    send_all($greeting) unless $pipe;
    close $read;
    $answers = $write if $pipe;
    $talking = 0;
    while (1) {
        if ($pipe) {
            my $got = sysread $pipe, $packet, SHORT;
            next if !defined $got && $!{EINTR};
            leave(0) unless $got;
            if (ord $packet == ord 'q') { request(); next }
        }
        my ($letter, $size) = ('g', -HEADER);
        while ($letter eq 'g') {        # of a request that is over
            substr $buffer, 0, HEADER + $size, '';
            while (length $buffer < HEADER) { leave(0) unless read_more() }
            ($letter, $size) = unpack 'aV', $buffer;
            while (length $buffer < HEADER + $size) { leave(0) unless read_more() }
        }
        if ($letter eq 'q') {
            $packet = substr $buffer, 0, HEADER + $size, '';
            request();
        }
        elsif ($letter eq 's') {
            my (undef, $code) = next_frame();
            $talking = 1;
            uwsgid::shell::run($code);
            leave(0);
        }
        else { substr $buffer, 0, HEADER + $size, '' }
    }
}

# Greets with the ends of two pipes beside the greeting, one for requests and that one for answers, and returns where
# requests come; nothing where that can not be done.
sub offer_pipes {
    my ($greeting, $answers) = @_;
    my $sendmsg = { x86_64 => 46, aarch64 => 211, riscv64 => 211 }->{(POSIX::uname())[4]};
    return unless defined $sendmsg && length pack('P', undef) == 8;
    pipe my $read, my $write or return;
    binmode $read;
    my $rights = pack 'L! i i i i', 24, Socket::SOL_SOCKET(), 1, fileno $write, fileno $answers;
    my $part = pack 'P L!', $greeting, length $greeting;
    my $message = pack 'P i x4 P L! P L! i x4', undef, 0, $part, 1, $rights, length $rights, 0;
    my $sent = syscall $sendmsg, fileno $sock, $message, 0;
    return unless $sent == length $greeting;
    return $read;
}

sub learn {
    my ($facts) = @_;
    $uwsgi::version = $facts->{version}[0];
    my %opt;
    for (@{$facts->{opt} || []}) { my ($name, $value) = split /\0/, $_, 2; push @{$opt{$name}}, $value }
    %uwsgi::opt = map { $_ => @{$opt{$_}} > 1 ? $opt{$_} : $opt{$_}[0] } keys %opt;
}

my %known;
sub tell_files {
    my %ignored = map { $_ => 1 } @{$config{unwatched} || []};
    my @new = grep { !$known{$_}++ } map { $INC{$_} } grep { defined $INC{$_} && !$ignored{s/\//::/gr =~ s/\.pm$//r} } keys %INC;
    push @new, grep { !$known{$_}++ } map { File::Spec->rel2abs($_) } @{$config{app} || []} if !%known || @new;
    send_all(frame('i', join "\0", @new)) if @new;
}

sub die_with_mother {
    my $number = $ENV{UWSGID_PRCTL} || $config{prctl};
    syscall $number, 1, 9, 0, 0, 0 if $number;
}

1;
