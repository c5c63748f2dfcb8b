# What applications get to read and to complain to: psgi.input and psgi.errors.

use 5.032;
use strict;
use warnings;

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

1;
