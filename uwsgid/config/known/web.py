"""Options of static files, offloading, TLS and internal routing."""

from __future__ import annotations

from typing import Final

from uwsgid.config.known.row import LATER, PRINTS, KnownOption, Row, accepted, refused

_STATIC: Final = "Static files, offload, TLS"
_ROUTING: Final = "Internal routing"

_SUBJECTS: Final = "host uri qs remote-addr user-agent remote-user referer"


def _routes(prefix: str, subjects: str, when: str) -> tuple[Row, ...]:
    return (
        (prefix, "list p", f"regex on the path {when}"),
        *((f"{prefix}-{subject}", "list p", f"regex on {subject} {when}") for subject in subjects.split()),
        (f"{prefix}-label", "list p", f"label to jump to {when}"),
        (f"{prefix}-if", "list p", f"action on a condition {when}"),
        (f"{prefix}-if-not", "list p", f"action without a condition {when}"),
        (f"{prefix}-run", "list p", f"action {when}"),
    )


TABLE: Final[tuple[KnownOption, ...]] = (
    *refused(
        _STATIC,
        LATER,
        ("check-static static-check", "list X", "look for files here first"),
        ("check-static-docroot", "flag X", "look in the document root first"),
        ("static-map", "list X", "directory of a path"),
        ("static-map2", "list X", "directory of a path, path kept"),
        ("static-skip-ext", "list X", "suffix that is no file"),
        ("static-index", "list X", "file of a directory"),
        ("static-safe", "list X", "one more allowed directory"),
        ("mimefile mime-file", "list X", "types of files"),
        ("static-expires-type", "list X", "lifetime by type"),
        ("static-expires-type-mtime", "list X", "lifetime by type, since the change"),
        ("static-expires", "list X p", "lifetime by name"),
        ("static-expires-mtime", "list X p", "lifetime by name, since the change"),
        ("static-expires-uri", "list X p", "lifetime by URI"),
        ("static-expires-uri-mtime", "list X p", "lifetime by URI, since the change"),
        ("static-expires-path-info", "list X p", "lifetime by path"),
        ("static-expires-path-info-mtime", "list X p", "lifetime by path, since the change"),
        ("static-gzip", "list X p", "files with a compressed twin"),
        ("static-gzip-all", "flag X", "always look for the twin"),
        ("static-gzip-dir static-gzip-prefix", "list X", "directory with twins"),
        ("static-gzip-ext static-gzip-suffix", "list X", "suffix with twins"),
        ("honour-range", "flag", "serve parts of files"),
        ("file-serve-mode fileserve-mode", "str X", "let the web server send files"),
        ("ssl-sessions-use-cache ssl-session-use-cache", "[str] M s", "TLS sessions in a cache"),
        ("ssl-sessions-timeout ssl-session-timeout", "int s", "seconds a session is kept"),
        ("sni", "list s", "certificate of a host"),
        ("sni-dir", "str s", "directory of certificates"),
        ("sni-dir-ciphers", "str s", "ciphers for those"),
        ("sni-regexp", "list p s", "certificate of matching hosts"),
    ),
    *accepted(
        _STATIC,
        "a tuning hint",
        ("offload-threads offload-thread", "int", "threads that send files"),
        ("static-cache-paths", "int X M", "seconds a path is remembered"),
        ("static-cache-paths-name", "str X M", "cache for that"),
        ("disable-sendfile", "flag", "read and write instead"),
        ("ssl-verbose", "flag s", "log errors of TLS"),
        ("pcre-jit", "flag I p", "compile regular expressions"),
    ),
    *refused(
        _ROUTING,
        LATER,
        *_routes("route", _SUBJECTS, "before the application"),
        *_routes("error-route", f"status {_SUBJECTS}", "before an error"),
        *_routes("response-route", f"status {_SUBJECTS}", "on the response"),
        *_routes("final-route", f"status {_SUBJECTS}", "after the response"),
    ),
    *accepted(
        _ROUTING,
        PRINTS,
        ("router-list routers-list", "flag p", "list the actions"),
    ),
)
