# What the interpreter of Perl says to the worker and hears from it: bytes, frames, and calls of the functions of the
# server, which applications find in the package uwsgi.

package uwsgid;

use 5.032;
use strict;
use warnings;

use Errno ();
use POSIX ();

use constant {
    HEADER   => 5,
    PIECE    => 131072,     # bytes of one read, and of one piece of a body
    LOOK     => "m\0\0\0\0",
};

our ($sock, $buffer, $talking, $owner, $gone, @atexit, $turn, $answers, $silent);

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

1;
