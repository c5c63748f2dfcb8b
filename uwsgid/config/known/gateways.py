"""Options of the routers that stand before instances, and of languages other than Python."""

from __future__ import annotations

from typing import Final

from uwsgid.config.known.row import C_ONLY, LATER, KnownOption, Row, accepted, refused

_GATEWAYS: Final = "Routers"
_LANGUAGES: Final = "Other languages"


def _router(name: str, more: tuple[Row, ...]) -> tuple[Row, ...]:
    """What all routers have, and *more* with ``*`` in place of the router's name."""
    common: tuple[Row, ...] = (
        ("*-processes *-workers", "int", "processes of the router"),
        ("*-zerg", "str", "take the sockets of a zerg server"),
        ("*-use-cache", "[str]", "ask a cache for the instance"),
        ("*-use-pattern", "str", "make its address from the host"),
        ("*-use-base", "str", "socket directory by host"),
        ("*-fallback", "list", "instance for other hosts"),
        ("*-use-code-string", "str", "ask a function for the instance"),
        ("*-use-socket", "[str]", "send to the own socket"),
        ("*-to", "list", "send to this address"),
        ("*-gracetime", "int", "retry window of a subscription"),
        ("*-events", "int", "events to take at once"),
        ("*-cheap", "flag", "no requests without instances"),
        ("*-subscription-server", "str", "where instances announce themselves"),
        ("*-timeout", "int", "seconds of silence"),
        ("*-stats *-stats-server *-ss", "str", "address of its statistics"),
        ("*-harakiri", "int", "most seconds for the router"),
    )
    return tuple((names.replace("*", name), facts, help) for names, facts, help in common + more)


_OWNER: Final[tuple[Row, ...]] = (
    ("*-uid", "str", "user of the router"),
    ("*-gid", "str", "group of the router"),
    ("*-resubscribe", "list", "announce further"),
    ("*-buffer-size", "u64 2.0", "size of its buffers"),
)
_QUIET: Final[tuple[Row, ...]] = (
    ("*-quiet", "flag", "log less"),
    ("*-subscription-slot", "str", "deprecated"),
)

TABLE: Final[tuple[KnownOption, ...]] = (
    *refused(
        _GATEWAYS,
        LATER,
        *_router(
            "http",
            (
                *_OWNER,
                ("* *router", "list", "an HTTP router"),
                ("https", "list s", "an HTTPS router"),
                ("https2", "list s", "an HTTPS router with more words"),
                ("https-export-cert", "flag s", "pass the client's certificate"),
                ("https-session-context", "str s", "name of the session context"),
                ("*-to-https", "list s", "redirect to HTTPS"),
                ("*-var", "list", "variable for requests"),
                ("*-modifier1", "int", "first modifier"),
                ("*-modifier2", "int 2.0", "second modifier"),
                ("*-subscription-fallback-key", "str 2.0", "key for unknown hosts"),
                ("*-manage-expect", "[int]", "answer Expect"),
                ("*-keepalive", "[int]", "keep connections"),
                ("*-auto-chunked", "flag", "chunk responses without a length"),
                ("*-auto-gzip", "flag", "compress responses that ask for it"),
                ("*-raw-body", "flag", "pass bodies as they are"),
                ("*-websockets", "flag", "pass websockets"),
                ("*-chunked-input", "flag 2.0", "decode chunked bodies"),
                ("*-manage-source", "flag 2.0", "pass the address of the source"),
                ("*-enable-proxy-protocol", "flag 2.0", "read the PROXY line"),
                ("*-manage-rtsp", "flag 2.0", "pass RTSP"),
                ("*-backend-http", "flag 2.0", "instances speak HTTP"),
                ("*-server-name-as-http-host", "flag 2.0", "the Host header as SERVER_NAME"),
                ("*-headers-timeout", "int 2.0", "seconds for the head"),
                ("*-connect-timeout", "int 2.0", "seconds for an instance to answer"),
                ("*-stud-prefix", "list", "addresses that send a prefix"),
            ),
        ),
        *_router(
            "fastrouter",
            (
                *_OWNER,
                *_QUIET,
                ("*", "list", "a router of uwsgi requests"),
                ("*-subscription-use-regexp", "flag", "regular expressions as keys"),
                ("*-post-buffering", "int", "store larger bodies first"),
                ("*-post-buffering-dir", "str", "where they are stored"),
                ("*-resubscribe-bind", "str 2.0", "own address of announcements"),
                ("*-fallback-on-no-key", "flag 2.0", "fallback for requests without a key"),
                ("*-force-key", "str 2.0", "one key for all"),
            ),
        ),
        *_router(
            "rawrouter",
            (
                *_OWNER,
                *_QUIET,
                ("*", "list", "a router of bare connections"),
                ("*-max-retries", "int", "attempts"),
                ("*-xclient", "flag", "pass the address in the way of XCLIENT"),
            ),
        ),
        *_router(
            "sslrouter",
            (
                ("*", "list s", "a router of TLS connections"),
                ("*2", "list s", "the same with more words"),
                ("*-session-context", "str s", "name of the session context"),
                ("*-max-retries", "int s", "attempts"),
                ("*-sni", "flag s", "find the instance by SNI"),
                ("*-quiet", "flag s", "log less"),
            ),
        ),
    ),
    *refused(
        _LANGUAGES,
        LATER,
        ("early-perl", "str 2.0", "start Perl before the privileges are dropped"),
        ("early-psgi", "str 2.0", "load a PSGI application before the privileges are dropped"),
        ("early-perl-exec", "list 2.0", "run a Perl script before the privileges are dropped"),
        ("rbshell", "[str]", "interactive Ruby"),
        ("rbshell-oneshot", "[str]", "the same, once"),
    ),
    *accepted(
        _LANGUAGES,
        "what nobody catches is logged without a handler",
        ("perl-no-die-catch", "flag", "leave $SIG{__DIE__} alone"),
    ),
    *accepted(
        _LANGUAGES,
        "scripts are always treated like this",
        ("cgi-close-stdin-on-eof", "flag 2.0", "end the input of a script after the body"),
        ("cgi-async-max-attempts", "int 2.0", "attempts to end a script"),
    ),
    *refused(
        _LANGUAGES,
        "a script that nobody hears would run for ever",
        ("cgi-do-not-kill-on-error", "flag 2.0", "let a script live after an error"),
    ),
    *accepted(
        _LANGUAGES,
        "the ruby that is found in PATH finds its gems by itself; start uwsgid in the environment of RVM",
        ("gemset rvm", "str", "gems of RVM"),
        ("rvm-path", "list", "where RVM is"),
    ),
    *refused(
        _LANGUAGES,
        C_ONLY,
        ("cgi-loadlib", "list", "C library of CGI helpers"),
    ),
)
