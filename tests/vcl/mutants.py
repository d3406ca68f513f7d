"""Each protection of the VCL taken out, and the case that must notice."""

from typing import NamedTuple

__all__ = ["MUTANTS", "Mutant"]


class Mutant(NamedTuple):
    """``case`` must fail where ``old`` is replaced in ``file``."""

    case: str
    old: str
    new: str = ""
    file: str = "dumper.vcl"


MUTANTS = [
    Mutant("purge_is_refused", "req.http.Dumper-Token != req.http.Dumper-Token-Wanted", "false"),
    Mutant("empty_token", "unset req.http.Dumper-Token-Previous;"),
    Mutant("purge_is_refused", "call dumper_authorise;", file="dumper_xkey.vcl"),
    Mutant("empty_token", '|| req.http.Dumper-Token == ""'),
    Mutant("acl_narrows", "client.ip !~ dumper_purgers", "client.ip ~ dumper_purgers"),
    Mutant("unkeyed_headers_are_removed", "unset req.http.Dumper-Token;"),
    Mutant("unkeyed_headers_are_removed", "unset req.http.X-Forwarded-Host;"),
    Mutant("server_headers_are_removed", "unset req.http.Script_Name;"),
    Mutant("server_headers_are_removed", "unset req.http.Path-Info;"),
    Mutant("server_headers_are_removed", "unset req.http.Remote_User;"),
    Mutant(
        "underscored_headers_are_removed",
        "call dumper_clean_underscores;",
        "if (false) { call dumper_clean_underscores; }",
    ),
    Mutant("underscored_headers_are_removed", "unset req.http.X-Forwarded_Proto;"),
    Mutant("underscored_headers_are_removed", "unset req.http.Accept_Language;"),
    Mutant(
        "unkeyed_headers_are_removed",
        "if (req.restarts == 0) {\n        unset",
        "if (false) {\n        unset",
    ),
    Mutant(
        "scheme_of_strangers", "remote.ip ~ dumper_terminators", "remote.ip !~ dumper_terminators"
    ),
    Mutant(
        "scheme_is_a_variant",
        'set beresp.http.Vary = "X-Forwarded-Proto"',
        "unset beresp.http.Vary",
    ),
    Mutant("targets", '"^/(?!/)"', '"^/"'),
    Mutant("host_is_normalised", "std.tolower(req.http.Host)", "req.http.Host"),
    Mutant("uncanonical_paths_are_not_stored", '        || req.url ~ "^[^?]*/\\.\\.?(?:[/?]|$)"'),
    Mutant("uncanonical_paths_are_not_stored", "[89A-F][0-9A-F]", "[89A-Fa-f][0-9A-Fa-f]"),
    Mutant("uncanonical_queries_are_not_stored", "[^#]*+", ".*+"),
    Mutant(
        "uncanonical_queries_are_not_stored",
        "call dumper_canonical_query;",
        "if (false) { call dumper_canonical_query; }",
    ),
    Mutant("uncanonical_queries_are_not_stored", "2[0-9A-CF] | 3[A-F]", "2[0-9A-CF] | 3[0-9A-F]"),
    Mutant("uncanonical_queries_are_not_stored", "[A-Za-z0-9/:@!$()*+,;?~_.-]", "[%!-%'-~]"),
    Mutant("canonical_queries_are_stored", "2[0-9A-CF]", "2[1-9A-CF]"),
    Mutant("canonical_queries_are_stored", "[A-Za-z0-9/:@!$()*+,;?~_.=-]", "[A-Za-z0-9?=]"),
    Mutant("session_cookie_bypasses", 'std.collect(req.http.Cookie, ";");'),
    Mutant(
        "session_cookie_bypasses",
        "call dumper_private_cookies;",
        "if (false) { call dumper_private_cookies; }",
    ),
    Mutant("authorization_bypasses", "req.http.Authorization || "),
    Mutant("body_with_get_bypasses", 'req.http.Content-Length != "0"', "false"),
    Mutant("repeated_parameters_bypass", '"[?&]([^=&]*)(?:=[^&]*)?&\\1(?:[=&]|$)"', '"^never$"'),
    Mutant("explicit_freshness_only", "set beresp.ttl = 0s;"),
    Mutant("private_things_are_not_stored", "|| beresp.http.Set-Cookie"),
    Mutant(
        "private_things_are_not_stored",
        '|| beresp.http.CDN-Cache-Control ~ "(?i)\\b(?:private|no-store|no-cache)\\b"',
    ),
    Mutant("vary_on_visitors", "|user-agent"),
    Mutant("lifetime_twice", "std.collect(beresp.http.Surrogate-Control);"),
    Mutant("statuses", "beresp.status != 410", "beresp.status != 410 && beresp.status != 500"),
    Mutant("age_counts", " - beresp.age"),
    Mutant("lifetime_twice", '&& beresp.http.Dumper-Field !~ "(?i)\\bmax-age\\b.*,\\s*max-age\\b"'),
    Mutant("delivered_headers", "unset resp.http.Surrogate-Control;"),
    Mutant("delivered_headers", "unset resp.http.xkey;"),
    Mutant("waiting_purge", "set req.hash_always_miss = false;"),
    Mutant("waiting_purge", "set req.hash_ignore_busy = false;"),
    Mutant("waiting_purge_variants", "set req.hash_ignore_vary = true;"),
    Mutant("ban_cannot_be_broken_out_of", ' || req.http.Dumper-Ban-Path ~ {"^$|[\\s"]"}'),
    Mutant(
        "ban_cannot_be_broken_out_of",
        ' && req.http.Dumper-Ban-Host ~ {"^$|[\\s"\\\\]"}',
        " && false",
    ),
    Mutant(
        "xkey_is_an_include",
        "call dumper_refuse_what_is_not_included;",
        "if (false) { call dumper_refuse_what_is_not_included; }",
    ),
    Mutant("xkey_purges_by_tag", 'std.collect(req.http.xkey-purge, " ");', file="dumper_xkey.vcl"),
    Mutant("stale_if_error", "return (error(beresp.status, beresp.reason));"),
    Mutant(
        "no_stale_without_leave",
        "set beresp.grace = 0s;\n    set",
        "set beresp.grace = 60s;\n    set",
    ),
]
