# One request: the environ that it makes, the call of the application, and what that returned.

package uwsgid;

use 5.032;
use strict;
use warnings;

use POSIX ();

use constant {
    WHOLE    => 262144,     # bytes of the largest answer that goes in one frame
    GOES_ON  => 1,
    REPLACE  => 2,
    CLOSE    => 4,
    COUNTED  => 4,          # of a request
    LEARNT   => 4096,       # bytes of the longest list of names that is kept
    HEAD     => 27,         # bytes of a request before its variables; the last 4 are the size of the values
    TURN     => 5,          # where its turn is
    SHAPE    => 6,          # where its flags are, its application, the lengths of its body and of the names
    PIPE_BUF => POSIX::PIPE_BUF(),
};

our (%config, @apps, $sock, $buffer, $talking, $gone, @base, $client, $taken, $over, $said, %known_names, @usual,
    @base_names, $lends_client, %known_status, $turn, $packet, $answers, $silent);
@usual = ('', 0, '');

# Names of variables that are not simply put into the environ.
my %special_names = map { $_ => 1 }
    qw(HTTP_CONTENT_TYPE HTTP_CONTENT_LENGTH HTTPS UWSGI_SCHEME psgix.cleanup.handlers);

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

1;
