# psgix.io: the connection of the client, for applications that speak something else than HTTP on it.
#
# What an application finds in its environ is a handle that is not open yet.  Its first use takes the socket out of
# the hands of the worker, which sends it beside its answer (uwsgid/languages/foreign/handover.py); from then on it is a
# plain IO::Socket, and what the application returns is sent to nobody.  Who does not touch it pays nothing.
#
# Perl itself can not receive a descriptor, so the call of the kernel is made by its number.

package uwsgid::client;

use 5.032;
use strict;
use warnings;

use IO::Socket ();
use IO::Socket::INET ();
use IO::Socket::UNIX ();
use POSIX ();
use Scalar::Util ();
use Symbol ();

our (@ISA, $AUTOLOAD);
@ISA = ('IO::Socket');

use constant {
    PIECE       => 4096,
    CLOEXEC     => 0x40000000,      # MSG_CMSG_CLOEXEC
    SCM_RIGHTS  => 1,
};

# recvmsg(), and where its structures are those of 64 bits
my $recvmsg = { x86_64 => 47, aarch64 => 212, riscv64 => 212 }->{(POSIX::uname())[4]};
undef $recvmsg if length pack('P', undef) != 8;

my %classes = (
    Socket::AF_INET() => 'IO::Socket::INET',
    Socket::AF_UNIX() => 'IO::Socket::UNIX',
    eval { require IO::Socket::IP; 1 } ? (Socket::AF_INET6() => 'IO::Socket::IP') : (),
);

sub is_possible { return defined $recvmsg }

# A handle for the request of now.
sub new { return $uwsgid::client = bless Symbol::gensym(), $_[0] }

use overload
    '*{}' => sub { my ($self) = @_; take($self); return $self },
    fallback => 1;

# What is written in C looks into the handle itself, without asking.
for my $name (qw(blocking clearerr error flush getline getlines gets setbuf setvbuf sync ungetc untaint)) {
    no strict 'refs';
    *$name = sub { my $self = shift; take($self); return $self->$name(@_) };
}

# What an IO::Socket has not, but one of TCP does.
sub AUTOLOAD {
    my $self = shift;
    my $name = $AUTOLOAD =~ s/.*:://r;
    die "there is no method $name of psgix.io\n" unless ref $self;
    take($self);
    return $self->$name(@_);
}

sub DESTROY { }

sub take {
    my ($self) = @_;
    die "psgix.io is that of a request which is over\n"
        unless $uwsgid::client && Scalar::Util::refaddr($uwsgid::client) == Scalar::Util::refaddr($self);
    die "psgix.io was not used before the fork\n" if $$ != $uwsgid::owner;
    my $number = receive();
    ($uwsgid::client, $uwsgid::taken) = (undef, 1);
    bless $self, 'IO::Socket';
    open $self, '+<&=', $number or die "psgix.io can not be opened: $!\n";
    binmode $self;
    my $class = $classes{$self->sockdomain // -1};
    bless $self, $class if $class;
    $self->autoflush(1);
    $self->blocking(1);
    return;
}

# Asks for the socket of the client; its descriptor.
sub receive {
    uwsgid::send_all(uwsgid::frame('u', pack '(V/a*)*', 'connection_fd'));
    my ($descriptor, $letter, $payload);
    while (1) {
        while (!uwsgid::has_frame()) { $descriptor = receive_some() // $descriptor }
        ($letter, $payload) = uwsgid::next_frame();
        last if $letter eq 'a';
        $uwsgid::gone = 1 if $letter eq 'g' && $payload eq chr $uwsgid::turn;
    }
    die 'the connection of this client can not be taken: ' . substr($payload, 1) . "\n" unless defined $descriptor;
    return $descriptor;
}

# Reads some bytes of the line; the descriptor beside them, if there is one.
sub receive_some {
    my ($data, $control) = ("\0" x PIECE, "\0" x 64);
    vec($_, 0, 8) = 0 for $data, $control;      # each has a memory of its own now
    my $part = pack 'P L!', $data, length $data;
    my $got;
    do {
        my $message = pack 'P i x4 P L! P L! i x4', undef, 0, $part, 1, $control, length $control, 0;
        $got = syscall $recvmsg, fileno $uwsgid::sock, $message, CLOEXEC;
    } while $got < 0 && $!{EINTR};
    uwsgid::leave(0) if $got <= 0;
    $uwsgid::buffer .= substr $data, 0, $got;
    my ($length, $level, $type, $descriptor) = unpack 'L! i i i', $control;
    return $length && $level == Socket::SOL_SOCKET() && $type == SCM_RIGHTS ? $descriptor : undef;
}

1;
