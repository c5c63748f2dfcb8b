# The interpreter's end of the bridge, for Perl: loads PSGI applications once, then forks a child for each core
# of a worker that connects, and answers its requests.  What is said is told in uwsgid/languages/foreign/frames.py.
# Only modules of Perl itself are needed; Plack loads the applications where it is there.

package uwsgid;

use 5.032;
use strict;
use warnings;

use Errno ();
use IO::Handle ();
use IO::Poll qw(POLLIN POLLHUP POLLERR);
use POSIX ();
use Socket ();

use constant {
    HEADER   => 5,
    PIECE    => 131072,     # bytes of one read, and of one piece of a body
    SHORT    => 8192,       # bytes of one read of the pipe, which is more than it ever has
    WHOLE    => 262144,     # bytes of the largest answer that goes in one frame
    DAEMONS  => [qw(INT QUIT TERM HUP USR1 USR2)],
    GOES_ON  => 1,
    REPLACE  => 2,
    CLOSE    => 4,
    COUNTED  => 4,          # of a request
    LEARNT   => 4096,       # bytes of the longest list of names that is kept
    HEAD     => 27,         # bytes of a request before its variables; the last 4 are the size of the values
    TURN     => 5,          # where its turn is
    SHAPE    => 6,          # where its flags are, its application, the lengths of its body and of the names
    PIPE_BUF => POSIX::PIPE_BUF(),
    LOOK     => "m\0\0\0\0",
    NONBLOCK => 2048,       # O_NONBLOCK
    PIDFD    => 434,        # pidfd_open(), which has this number everywhere
};

our (%config, @apps, $nothing, $sock, $buffer, $talking, $owner, $gone, @postfork, @atexit, $slot, $core, @base, $told,
    $client, $taken, $over, $said, %known_names, @usual, @base_names, $lends_client, %known_status,
    $turn, $packet, $answers, $silent);
@usual = ('', 0, '');

# Names of variables that are not simply put into the environ.
my %special_names = map { $_ => 1 }
    qw(HTTP_CONTENT_TYPE HTTP_CONTENT_LENGTH HTTPS UWSGI_SCHEME psgix.cleanup.handlers);

sub text { defined $_[0] ? $_[0] : '' }

sub complain { my $text = join '', @_; utf8::encode($text) if utf8::is_utf8($text); syswrite STDERR, $text }

# ---- bytes

# Sends a short answer through the pipe.
sub send_short {
    POSIX::_exit(0) if $$ != $owner;    # what the application forked is not the one to answer
    $silent = 0;
    leave(1) unless defined syswrite $answers, $_[0];       # there is room, or somebody else has written there
}

sub send_all {
    POSIX::_exit(0) if $$ != $owner;
    send_short(LOOK) if $silent;
    my $done = syswrite($sock, $_[0]) // 0;
    while ($done < length $_[0]) {
        my $sent = syswrite $sock, $_[0], length($_[0]) - $done, $done;
        if (defined $sent) { $done += $sent }
        elsif (!$!{EINTR}) { leave(1) }
    }
}

sub read_more {
    while (1) {
        my $got = sysread $sock, $buffer, PIECE, length $buffer;
        return 1 if $got;
        next if !defined $got && $!{EINTR};
        return 0;
    }
}

# Whether the next frame is here.
sub has_frame { return length $buffer >= HEADER && length $buffer >= HEADER + unpack 'xV', $buffer }

# The next frame, as letter and payload; an empty list at the end of the line.
sub next_frame {
    while (length $buffer < HEADER) { return unless read_more() }
    my ($letter, $size) = unpack 'aV', $buffer;
    while (length $buffer < HEADER + $size) { return unless read_more() }
    my $payload = substr $buffer, HEADER, $size;
    substr $buffer, 0, HEADER + $size, '';
    return ($letter, $payload);
}

# The next frame with one of these letters; that the client is gone is noted on the way.
sub expect {
    my ($letters) = @_;
    while (my ($letter, $payload) = next_frame()) {
        return ($letter, $payload) if index($letters, $letter) >= 0;
        $gone = 1 if $letter eq 'g' && $payload eq chr $turn;
    }
    leave(0);
}

sub frame { my $payload = defined $_[1] ? $_[1] : ''; pack('aV', $_[0], length $payload) . $payload }

sub leave {
    my ($code) = @_;
    if ($$ == $owner) {
        for my $hook (@atexit) { eval { $hook->(); 1 } or complain("[uwsgi-perl error] $@") }
    }
    $talking = 0;
    exit $code;
}

# ---- functions of the server

sub call {
    my ($name, @arguments) = @_;
    die "uwsgi::$name() works while the server listens: when an application is loaded, and during a request\n"
        unless $talking && $$ == $owner;
    for (@arguments) { $_ = text($_) . ''; utf8::encode($_) if utf8::is_utf8($_) }
    send_all(frame('u', pack '(V/a*)*', $name, @arguments));
    my (undef, $payload) = expect('a');
    my $kind = unpack 'C', $payload;
    substr $payload, 0, 1, '';
    return undef if $kind == 0;
    if ($kind == 2) { my @items = unpack '(V/a*)*', $payload; return wantarray ? @items : \@items }
    if ($kind == 3) {
        my (undef, $file, $line) = caller 1;
        die "$payload at $file line $line.\n";
    }
    return $kind == 4 ? $payload + 0 : $payload;
}

{
    package uwsgi;
    our ($version, %opt, $AUTOLOAD);
    sub log {
        my $text = join '', map { uwsgid::text($_) } @_;
        chomp $text;
        if ($uwsgid::talking && $$ == $uwsgid::owner) { uwsgid::call('log', $text) }
        else { uwsgid::complain("$text\n") }
        return 1;
    }
    sub worker_id   { return $uwsgid::slot || 0 }
    sub masterpid   { return $uwsgid::told->{masterpid}[0] || 0 }
    sub setprocname { $0 = $_[0]; return }
    sub postfork    { push @uwsgid::postfork, $_[0]; return 1 }
    sub atexit      { push @uwsgid::atexit, $_[0]; return 1 }
    sub cache_clear;
    sub AUTOLOAD {
        my $name = $AUTOLOAD =~ s/.*:://r;
        return if $name eq 'DESTROY';
        return uwsgid::call($name, @_);
    }
}

# ---- what applications get

{
    package uwsgid::errors;
    sub print  { shift; uwsgid::complain(map { uwsgid::text($_) } @_); return 1 }
    sub printf { my ($self, $format, @rest) = @_; return $self->print(sprintf $format, @rest) }
    sub say    { my $self = shift; return $self->print(@_, "\n") }
    sub flush { return 1 }
}

{
    package uwsgid::input;

    # have: what arrived and was not read; left: what has not arrived, -1 where nobody knows
    sub new { my ($class, $have, $left, $seekable) = @_; return bless { have => $have, left => $left,
        seekable => $seekable, length => length $have, at => 0 }, $class }

    sub _fetch {
        my ($self, $most, $want) = @_;
        return 0 unless $self->{left};
        $most = 1 << 20 if $most > 1 << 20;
        uwsgid::send_all(uwsgid::frame('r', pack 'V', $most));
        my ($letter, $payload) = uwsgid::expect('dx');
        die "$payload during read($want) on psgi.input\n" if $letter eq 'x';
        if ($payload eq '') { $self->{left} = 0; return 0 }
        if ($self->{left} > 0) {
            $self->{left} -= length $payload;
            $self->{left} = 0 if $self->{left} < 0;
        }
        $self->{have} .= $payload;
        return 1;
    }

    sub read {
        my ($self, undef, $want, $offset) = @_;
        $offset ||= 0;
        $want = 0 if !$want || $want < 0;
        return CORE::read $self->_file, $_[1], $want, $offset if $self->{seekable};
        while (length($self->{have}) < $want && $self->_fetch($want - length $self->{have}, $want)) { }
        my $data = substr $self->{have}, 0, $want, '';
        $self->{at} += length $data;
        $_[1] = '' unless defined $_[1];
        if ($offset < 0) { $offset += length $_[1]; $offset = 0 if $offset < 0 }
        $_[1] .= "\0" x ($offset - length $_[1]) if $offset > length $_[1];
        substr($_[1], $offset) = $data;
        return length $data;
    }

    # The whole body in a file; for one that may be read again.
    sub _file {
        my ($self) = @_;
        return $self->{file} if $self->{file};
        my $file;
        if (!$self->{left}) { open $file, '<', \$self->{have} or die "psgi.input can not be read: $!\n" }
        else {
            open $file, '+>', undef or die "psgi.input can not be kept: $!\n";
            CORE::binmode $file;
            do { print {$file} $self->{have}; $self->{have} = '' } while $self->_fetch(1 << 20, 1 << 20);
            CORE::seek $file, 0, 0;
        }
        return $self->{file} = $file;
    }

    sub getline {
        my ($self) = @_;
        return readline $self->_file if $self->{seekable};
        my $end;
        while (($end = defined $/ ? index $self->{have}, $/ : -1) < 0) {
            last unless $self->_fetch(65536, 65536);
        }
        return undef if $self->{have} eq '';
        my $line = substr $self->{have}, 0, $end < 0 ? length $self->{have} : $end + length $/, '';
        $self->{at} += length $line;
        return $line;
    }

    sub getlines { my ($self) = @_; my @lines; while (defined(my $line = $self->getline)) { push @lines, $line } return @lines }

    sub seek {
        my ($self, $position, $whence) = @_;
        die "seeking psgi.input without post_buffering is IMPOSSIBLE !!!\n" unless $self->{seekable};
        return CORE::seek $self->_file, $position, $whence || 0;
    }

    sub tell  { my ($self) = @_; return $self->{seekable} ? CORE::tell $self->_file : $self->{at} }
    sub eof   { my ($self) = @_; return $self->{seekable} ? CORE::eof $self->_file : $self->{have} eq '' && !$self->{left} }
    sub close { return 1 }
    sub binmode { return 1 }
}

{
    package uwsgid::writer;

    sub write {
        my ($self, $data) = @_;
        return 0 if $self->{closed} || $uwsgid::taken;
        uwsgid::look_for_client();
        if ($uwsgid::gone) {
            die "write error\n" if $uwsgid::config{'write-exception'}[0];
            return 0;
        }
        return 1 if !defined $data || $data eq '';
        utf8::encode($data) if utf8::is_utf8($data);
        uwsgid::send_all($self->_head . uwsgid::pieces($data));
        return 1;
    }

    sub _head {
        my ($self) = @_;
        return '' if $self->{started}++;
        return uwsgid::frame('h', pack('C', $self->{turn}) . $self->{head});
    }

    sub close { my ($self) = @_; $self->{closed} = 1; return 1 }
    sub poll_cb { my ($self, $callback) = @_; $callback->($self); return }
}

# ---- one request

sub pieces {
    return frame('b', $_[0]) if length $_[0] <= WHOLE;
    my $frames = '';
    for (my $at = 0; $at < length $_[0]; $at += WHOLE) { $frames .= frame('b', substr $_[0], $at, WHOLE) }
    return $frames;
}

sub look_for_client {
    return if $gone;
    my $watched = '';
    vec($watched, fileno $sock, 1) = 1;
    while (length $buffer || select(my $ready = $watched, undef, undef, 0) > 0) {
        my ($letter, $payload) = next_frame() or leave(0);
        if ($letter eq 'g' && $payload eq chr $turn) { $gone = 1; return }
    }
}

# The head of an answer; dies where it is none.
sub head_of {
    my ($status, $headers) = @_;
    no warnings 'uninitialized';
    $known_status{$status} || check_status($status);
    ref $headers eq 'ARRAY' || ref $headers && eval { my $count = @$headers; 1 } or die "invalid PSGI headers\n";
    die "invalid PSGI headers\n" if @$headers & 1;
    my $head = join "\0", $status, @$headers;
    refuse_nul() if ($head =~ tr/\0//) != @$headers;
    utf8::encode($head) if utf8::is_utf8($head);
    return $head;
}

sub refuse_nul { die "invalid PSGI headers: a NUL byte in one\n" }

sub check_status {
    my ($status) = @_;
    die "invalid PSGI status code\n" unless defined $status && $status =~ /^[0-9]{3}/;
    $known_status{$status} = 1 if length $status == 3;
}

# The flags of the end of a request, which are kept in $said.
sub flags_of {
    my ($env) = @_;
    my $handlers = $env->{'psgix.cleanup.handlers'};
    return $said = (ref $handlers && @$handlers ? GOES_ON : 0) | ($env->{'psgix.harakiri.commit'} ? REPLACE : 0);
}

# Send [status, headers, body]; *more* are flags of its end.
sub answer {
    my ($turn, $env, $answer, $more) = @_;
    return if $taken;
    no warnings 'uninitialized';
    my ($status, $headers, $body) = @$answer;
    my $head;
    if ($known_status{$status} && ref $headers eq 'ARRAY' && !(@$headers & 1)) {
        $head = join "\0", $status, @$headers;
        refuse_nul() if ($head =~ tr/\0//) != @$headers;
        utf8::encode($head) if utf8::is_utf8($head);
    }
    else { $head = head_of($status, $headers) }
    if (ref $body eq 'ARRAY') {
        my $data = @$body == 1 ? $body->[0] : join '', @$body;
        utf8::encode($data) if utf8::is_utf8($data);
        if (length $data <= WHOLE) {
            my $whole = pack('aVCCV', 'w', 6 + length($head) + length $data, $turn, flags_of($env) | $more,
                length $head) . $head . $data;
            if ($silent && length $whole <= PIPE_BUF) { send_short($whole) }
            else { send_all($whole) }
            return;
        }
        send_all(writer($turn, $head)->_head . pieces($data));
    }
    elsif (!ref $body && ref \$body ne 'GLOB') { die "invalid PSGI response body\n" }
    else {
        send_handle($body, writer($turn, $head));
    }
    send_all(frame('e', pack 'C', flags_of($env) | $more)) unless $taken;
}

# What says a head before the first piece of a body.
sub writer { my ($turn, $head) = @_; return bless { turn => $turn, head => $head }, 'uwsgid::writer' }

sub send_handle {
    my ($body, $writer) = @_;
    my ($descriptor, $offset, $opened) = (undef, -1);
    if (ref $body eq 'GLOB' || ref \$body eq 'GLOB' || eval { $body->can('fileno') || $body->isa('IO::Handle') }) {
        my $number = eval { ref $body eq 'GLOB' || ref \$body eq 'GLOB' || $body->isa('IO::Handle')
            ? fileno $body : $body->fileno };
        $descriptor = $number if defined $number && $number >= 0;
        my $at = eval { tell $body };
        $offset = $at if defined $at && $at >= 0;
    }
    if (!defined $descriptor && eval { $body->can('path') }) {
        my $path = $body->path;
        if (defined $path && open $opened, '<:raw', $path) { $descriptor = fileno $opened; $offset = 0 }
    }
    if (defined $descriptor) {
        send_all($writer->_head . frame('f', pack 'Vq<q<', $descriptor, $offset, -1));
        my (undef, $sent) = expect('k');
        if ($sent eq "\1") {
            close_body($body);
            return;
        }
    }
    if (ref $body ne 'GLOB' && ref \$body ne 'GLOB' && !eval { $body->can('getline') }) {
        die "unsupported response body type\n";
    }
    local $/ = \65536;
    while (defined(my $data = ref $body eq 'GLOB' || ref \$body eq 'GLOB' ? readline $body : $body->getline)) {
        utf8::encode($data) if utf8::is_utf8($data);
        send_all($writer->_head . pieces($data)) if $data ne '';
        look_for_client();
        last if $gone;
    }
    send_all($writer->_head) unless $writer->{started};
    close_body($body);
}

sub close_body {
    my ($body) = @_;
    if (ref $body eq 'GLOB' || ref \$body eq 'GLOB') { close $body }
    elsif (eval { $body->can('close') }) { $body->close }
}

# Let the application answer by a responder.
sub stream {
    my ($turn, $env, $callback) = @_;
    my ($answered, $writer) = 0;
    $callback->(sub {
        my ($answer) = @_;
        die "the response was started already\n" if $answered;
        die "invalid PSGI response type\n" unless ref $answer && eval { @$answer >= 2 };
        if (@$answer >= 3 && defined $answer->[2]) {
            $answered = 2;
            answer($turn, $env, $answer, GOES_ON);      # for what the application still does here
            $over = !$taken;
            return;
        }
        $writer = writer($turn, head_of(@$answer));
        $answered = 1;
        return $writer;
    });
    return if $taken || $answered == 2;
    die "the application did not call its responder\n" unless $answered;
    send_all($writer->_head . frame('e', pack 'C', flags_of($env)));
}

# Where the variables of a request belong in its environ, by their names: the keys of all its entries, the values of
# those that are the same for all requests, and whether there is more to be done.  Most requests have the same names.
sub plan_of {
    my ($flags, $names) = @_;
    my @names = $flags & COUNTED ? unpack '(V/a*)*', $names : split /\0/, $names, -1;
    my %given = map { $_ => 1 } @names;
    my @rest = grep { !$given{$base_names[$_]} } 0 .. $#base;
    my $plan = [
        [@base_names[@rest, -1], map { keys %{{ $_ => 1 }} } @names],      # as keys, which Perl has the hash of
        [@base[@rest]],
        scalar grep { $special_names{$_} } @names,
    ];
    return $plan if $flags & COUNTED || length $names > LEARNT;
    %known_names = () if keys %known_names >= 256;
    return $known_names{$names} = $plan;
}

# Answers the request in $packet.
sub request {
    my (%env, $number, $plan);
    if (substr($packet, SHAPE, HEAD - 4 - SHAPE) eq $usual[0] && substr($packet, HEAD, $usual[1]) eq $usual[2]) {
        # as the last one that had no body: all the rest are values
        $turn = vec $packet, TURN, 8;
        ($number, $plan) = @usual[3, 4];
        @env{@{$plan->[0]}} = (@{$plan->[1]}, [], split /\0/, substr($packet, HEAD + 1 + $usual[1]), -1);
    }
    else {
        my ($flags, $length, $of_names, $of_values);
        ($turn, $flags, $number, $length, $of_names, $of_values) = unpack 'x5CCVq<VV', $packet;
        my $names = substr $packet, HEAD, $of_names;
        my $values = substr $packet, HEAD + $of_names + 1, $of_values;
        if ($flags & COUNTED) {
            $plan = plan_of($flags, $names);
            @env{@{$plan->[0]}} = (@{$plan->[1]}, [], unpack '(V/a*)*', $values);
        }
        else {
            $plan = $known_names{$names} || plan_of($flags, $names);
            @env{@{$plan->[0]}} = (@{$plan->[1]}, [], split /\0/, $values, -1);
            @usual = (substr($packet, SHAPE, HEAD - 4 - SHAPE), $of_names, $names, $number, $plan) unless $length;
        }
        if ($length) {
            my $start = substr $packet, HEAD + $of_names + $of_values + 2;
            $env{'psgi.input'} = uwsgid::input->new($start, $length < 0 ? -1 : $length - length $start,
                $env{'psgix.input.buffered'});
        }
    }
    if ($plan->[2]) {
        delete @env{'HTTP_CONTENT_TYPE', 'HTTP_CONTENT_LENGTH'};
        $env{'psgi.url_scheme'} = scheme(\%env) if defined $env{HTTPS} || defined $env{UWSGI_SCHEME};
        $env{'psgix.cleanup.handlers'} = [];
    }
    $env{'psgix.io'} = uwsgid::client->new if $lends_client;
    ($gone, $talking, $over, $silent) = (0, 1, 0, defined $answers);
    if (eval {
        my $answer = $apps[$number]->(\%env);
        my $type = ref $answer;
        if ($type eq 'ARRAY') { answer($turn, \%env, $answer, 0) }
        elsif ($type eq 'CODE') { stream($turn, \%env, $answer) }
        elsif ($type && eval { @$answer >= 3 }) { answer($turn, \%env, $answer, 0) }
        elsif ($type && eval { \&$answer }) { stream($turn, \%env, $answer) }
        elsif (!$taken) { die "invalid PSGI response type\n" }
        send_all(frame('e', pack 'C', flags_of(\%env) | CLOSE)) if $taken;
        1;
    }) { }
    else {
        my $why = text("$@");
        $why = '' if $gone && $why eq "write error\n";
        utf8::encode($why) if utf8::is_utf8($why);
        if ($over) { complain("[uwsgi-perl error] $why") }
        else { send_all(frame('x', pack('C', flags_of(\%env)) . $why)) }
    }
    ($client, $taken) = (undef, 0) if $lends_client;
    if ($over || $said & GOES_ON) {
        for my $handler (@{$env{'psgix.cleanup.handlers'}}) {
            eval { $handler->(\%env); 1 } or complain("[uwsgi-perl error] $@");
        }
        tell_files() if $config{watch};
        send_all(frame('z', pack 'C', $env{'psgix.harakiri.commit'} ? REPLACE : 0));
    }
    $talking = 0;
}

sub scheme {
    my ($env) = @_;
    my $scheme = $env->{UWSGI_SCHEME};
    return $scheme if defined $scheme && $scheme ne '';
    my $https = $env->{HTTPS};
    return defined $https && $https =~ /^(?:on|1)/i ? 'https' : 'http';
}

# ---- the life of a child

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

# ---- the mother

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
    require(__FILE__ =~ s{[^/]*$}{shell.pl}r) if $config{shell};
    if ($config{'psgix-io'}) {
        require(__FILE__ =~ s{[^/]*$}{client.pl}r);
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
