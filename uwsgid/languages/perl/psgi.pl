# The interpreter's end of the bridge, for Perl: loads PSGI applications once, then forks a child for each core
# of a worker that connects, which answers its requests.  What is said is told in uwsgid/languages/foreign/frames.py.
# Only modules of Perl itself are needed; Plack loads the applications where it is there.

package uwsgid;

use 5.032;
use strict;
use warnings;

use IO::Handle ();
use IO::Poll qw(POLLIN POLLHUP POLLERR);
use POSIX ();
use Socket ();

# The rest of it is beside this file.  Nobody who looks into %INC takes it for a part of an application.
sub beside { my $path = __FILE__ =~ s{[^/]*$}{$_[0]}r; require $path; delete $INC{$path}; return }

BEGIN { beside($_) for qw(line.pl input.pl answering.pl child.pl) }

use constant {
    NONBLOCK => 2048,       # O_NONBLOCK
    PIDFD    => 434,        # pidfd_open(), which has this number everywhere
};

our (%config, @apps, $nothing, $sock, $buffer, $talking, $owner, @base, $told, @base_names, $lends_client);

sub run_file {
    my ($file) = @_;
    my $path = $file =~ m{^/} ? $file : "./$file";
    return "$!" unless -r $path;
    local $0 = $file;
    local ($@, $!);
    my $result = do $path;
    return $@ ne '' ? "$@" : '';
}

sub load {
    my ($file) = @_;
    my $path = File::Spec->rel2abs($file);
    die "unable to open $file: $!\n" unless -r $path;
    my $app;
    if (!$config{'no-plack'} && eval { require Plack::Util; 1 }) { $app = Plack::Util::load_psgi($path) }
    else {
        my $package = 'uwsgid::app::n' . @apps;
        local $0 = $path;
        local ($@, $!);
        $app = eval "package $package; do \$path";
        die $@ if $@ ne '';
    }
    die "unable to find PSGI function entry point.\n" unless ref $app && eval { \&$app };
    return $app;
}

sub mother {
    require File::Spec;
    my ($line, $door) = map {
        open my $handle, '+<&=', delete $ENV{$_} or POSIX::_exit(1);
        fcntl $handle, 2, 1;        # close on exec
        binmode $handle;
        $handle;
    } 'UWSGID_LIFELINE_FD', 'UWSGID_BRIDGE_FD';
    ($sock, $buffer, $owner) = ($line, '', $$);
    my $number = delete $ENV{UWSGID_PRCTL};
    syscall $number, 1, 9, 0, 0, 0 if $number;
    my (undef, $payload) = expect('c');
    my @items = unpack '(V/a*)*', $payload;
    while (@items) { my ($name, $value) = splice @items, 0, 2; push @{$config{$name}}, $value }
    $config{prctl} = $number;
    $talking = 1;
    $ENV{PLACK_ENV} = 'uwsgi' unless defined $ENV{PLACK_ENV};
    $ENV{PLACK_SERVER} = 'uwsgi' unless defined $ENV{PLACK_SERVER};
    learn(\%config);
    $told = \%config;
    my $failed = eval { prepare(); 1 } ? '' : "$@";
    if ($failed ne '') { send_all(frame('n', $failed)); POSIX::_exit(1) }
    for my $index (0 .. $#{$config{app} || []}) {
        my $app = eval { load($config{app}[$index]) };
        my $why = $app ? '' : text("$@");
        $apps[$index] = $app;
        utf8::encode($why) if utf8::is_utf8($why);
        send_all(frame('l', pack('VC', $index, $app ? 1 : 0) . $why));
    }
    for my $file (@{$config{exec} || []}) {
        my $why = run_file($file);
        if ($why ne '') { send_all(frame('n', "unable to run $file: $why")); POSIX::_exit(1) }
    }
    POSIX::_exit(0) if $$ != $owner;
    $0 = 'uwsgid perl';
    syscall $number, 1, 0, 0, 0, 0 if $number;      # from now on her line tells her when to end
    send_all(frame('o', pack 'VV', $$, scalar grep { $_ } @apps));
    $talking = 0;
    watch($line, $door);
}

sub prepare {
    for my $directory (@{$config{'local-lib'} || []}) {
        die "perl-local-lib: there is no directory $directory\n" unless -d $directory;
        require lib;
        my $root = File::Spec->rel2abs($directory);
        lib->import("$root/lib/perl5");
        $ENV{PERL5LIB} = join ':', "$root/lib/perl5", grep { defined && $_ ne '' } $ENV{PERL5LIB};
        $ENV{PERL_LOCAL_LIB_ROOT} = join ':', $root, grep { defined && $_ ne '' } $ENV{PERL_LOCAL_LIB_ROOT};
        $ENV{PATH} = join ':', "$root/bin", grep { defined && $_ ne '' } $ENV{PATH};
    }
    @ARGV = @{$config{argv} || []};
    my $errors = bless {}, 'uwsgid::errors';
    $nothing = uwsgid::input->new('', 0, $config{buffered}[0] || 0);
    @base = (
        # PSGI wants these two always, and front ends leave them out; uWSGI passes on what there is
        'SCRIPT_NAME' => '',
        'QUERY_STRING' => '',
        'psgi.version' => [1, 1],
        'psgi.url_scheme' => 'http',
        'psgi.input' => $nothing,
        'psgi.errors' => $errors,
        'psgi.multithread' => $config{multithread}[0] ? 1 : 0,
        'psgi.multiprocess' => $config{multiprocess}[0] ? 1 : 0,
        'psgi.run_once' => 0,
        'psgi.nonblocking' => 0,
        'psgi.streaming' => 1,
        'psgix.cleanup' => 1,
        'psgix.input.buffered' => $config{buffered}[0] || 0,
        'psgix.logger' => sub {
            my ($message) = @_;
            complain('[uwsgi-perl ' . text($message->{level}) . '] ' . text($message->{message}) . "\n");
        },
    );
    push @base, 'psgix.harakiri' => 1 if $config{master}[0];
    push @base, 'psgix.cleanup.handlers' => [];     # each request has a list of its own
    @base_names = map { keys %{{ $base[2 * $_] => 1 }} } 0 .. $#base / 2;
    @base = map { $base[2 * $_ + 1] } 0 .. $#base / 2 - 1;
    beside('shell.pl') if $config{shell};
    if ($config{'psgix-io'}) {
        beside('client.pl');
        if (!uwsgid::client->is_possible) {
            complain("[uwsgi-perl] there is no psgix.io on a machine of this kind\n");
            delete $config{'psgix-io'};
        }
        $lends_client = $config{'psgix-io'};
    }
}

sub watch {
    my ($line, $door) = @_;
    my $poll = IO::Poll->new;
    my (%children, %by_handle);
    $poll->mask($line => POLLIN);
    $poll->mask($door => POLLIN);
    my ($rss, $vsz) = map { $config{$_}[0] || 0 } 'evil-rss', 'evil-vsz';
    # where /proc numbers processes in another way, it would be somebody else who is weighed
    ($rss, $vsz) = (0, 0) if text(readlink '/proc/self') ne $$;
    $SIG{PIPE} = sub { };
    while (1) {
        $poll->poll($rss || $vsz ? 1 : ());
        if ($poll->events($line)) { bid_farewell(\%children) }
        for my $pid (keys %children) {
            my ($life, $connection) = @{$children{$pid}};
            if ($poll->events($life)) {
                waitpid $pid, 0;
                report($pid, $?, $children{$pid}[2]);
                shutdown $connection, 0;
                # what nobody has read goes to another child
                recv $connection, my $unread, 1, Socket::MSG_PEEK() | Socket::MSG_DONTWAIT();
                syswrite $connection, frame('y', '') if length text($unread);
                shutdown $connection, 2;
                syswrite $children{$pid}[3], LOOK;      # where nobody else does
                $poll->remove($life);
                $poll->remove($connection);
                delete $children{$pid};
            }
            elsif ($poll->events($connection) & (POLLHUP | POLLERR)) {
                kill 'KILL', $pid;
                $children{$pid}[2] = 1;
                $poll->remove($connection);
            }
            elsif ($rss || $vsz) { weigh($pid, $rss, $vsz) }
        }
        next unless $poll->events($door);
        my $connection = IO::Handle->new;
        accept $connection, $door or next;
        binmode $connection;
        # anybody may connect, so nobody's child is forked for strangers; the token is asked for after that
        my (undef, $uid) = unpack 'iII', getsockopt($connection, Socket::SOL_SOCKET(), Socket::SO_PEERCRED()) || '';
        if (!defined $uid || $uid && $uid != $>) { close $connection; next }
        # answers; what she says of children that ended comes this way as well
        pipe my $read, my $write or do { close $connection; next };
        fcntl $write, 4, NONBLOCK;      # F_SETFL
        binmode $write;
        my $pid = fork;
        if (!defined $pid) { complain("[uwsgi-perl error] fork(): $!\n"); close $connection; next }
        if (!$pid) {
            close $_ for $line, $door, map { @$_[0, 1, 3] } values %children;
            undef $poll;
            %children = ();
            child($connection, $read, $write);
        }
        my $number = syscall PIDFD, $pid, 0;
        open my $life, '<&=', $number or do { kill 'KILL', $pid; waitpid $pid, 0; next };
        $children{$pid} = [$life, $connection, 0, $write];
        $poll->mask($life => POLLIN);
        $poll->mask($connection => POLLERR);
    }
}

sub report {
    my ($pid, $status, $expected) = @_;
    return if !$status || $expected;
    my $how = $status & 127 ? 'died of signal ' . ($status & 127) : 'ended with exit status ' . ($status >> 8);
    complain("[uwsgi-perl error] the interpreter (pid: $pid) $how\n");
}

sub weigh {
    my ($pid, $rss, $vsz) = @_;
    open my $facts, '<', "/proc/$pid/statm" or return;
    my ($space, $resident) = map { $_ * POSIX::sysconf(&POSIX::_SC_PAGESIZE) } split ' ', text(scalar <$facts>);
    return unless defined $resident;
    my ($what, $size) = $vsz && $space >= $vsz ? ('ADDRESS SPACE', $space)
        : $rss && $resident >= $rss ? ('RSS', $resident) : return;
    complain("*** EVIL RELOAD ON PERL INTERPRETER $what: $size (pid: $pid) ***\n");
    kill 'KILL', $pid;
}

sub bid_farewell {
    my ($children) = @_;
    $SIG{ALRM} = 'DEFAULT';
    alarm 10;
    kill 'KILL', keys %$children;
    waitpid $_, 0 for keys %$children;
    exit 0;
}

mother();
