# plshell: people at the terminal, in the child of the first worker's first core.
#
# Devel::REPL where it is installed, as in uWSGI; a small loop that evaluates lines where not.

package uwsgid::shell;

use 5.032;
use strict;
use warnings;

use POSIX ();

# Loaded by the mother, since a child may live in a jail.
my $repl = eval { require Devel::REPL; 1 };

sub run {
    my ($code) = @_;
    # the log may be a file, people are at the terminal
    if (-t STDIN && !-t STDOUT) { POSIX::dup2(0, $_) for 1, 2 }
    STDOUT->autoflush(1);
    if ($code ne '') { evaluate($code); print STDERR $@ if $@ ne '' }
    elsif ($repl) { eval { Devel::REPL->new->run; 1 } or print STDERR $@ }
    else { converse() }
}

sub converse {
    print STDOUT "Perl $^V, worker $uwsgid::slot (pid: $$); the end of input leaves\n";
    while (1) {
        print STDOUT 'perl> ';
        my $line = readline STDIN;
        last unless defined $line;
        my @found = evaluate($line);
        print STDOUT $@ ne '' ? $@ : @found ? join(' ', map { $_ // 'undef' } @found) . "\n" : '';
    }
    print STDOUT "\n";
}

sub evaluate {
    no strict;
    no warnings;
    return eval "package main; $_[0]";
}

1;
