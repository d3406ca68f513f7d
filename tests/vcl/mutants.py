"""Each protection of the VCL taken out, and the case that must notice."""

from typing import NamedTuple

__all__ = ["MUTANTS", "Mutant"]


class Mutant(NamedTuple):
    """``case`` must fail where ``old`` is replaced in the first ``file`` that has it."""

    case: str
    old: str
    new: str = ""
    file: str = "dumper*.vcl"


MUTANTS = [
    Mutant("purge_is_refused", "req.http.Dumper-Token != req.http.Dumper-Token-Wanted", "false"),
    Mutant("empty_token", "unset req.http.Dumper-Token-Previous;"),
    Mutant("purge_is_refused", "call dumper_authorise;", file="dumper_xkey.vcl"),
    Mutant("empty_token", '|| req.http.Dumper-Token == ""'),
    Mutant("acl_narrows", "client.ip !~ dumper_purgers", "client.ip ~ dumper_purgers"),
    Mutant("unkeyed_headers_are_removed", "unset bereq.http.Dumper-Token;"),
    Mutant("unkeyed_headers_are_removed", "unset bereq.http.X-Forwarded-Host;"),
    Mutant("server_headers_are_removed", "unset bereq.http.Script_Name;"),
    Mutant("server_headers_are_removed", "unset bereq.http.Path-Info;"),
    Mutant("server_headers_are_removed", "unset bereq.http.Remote_User;"),
    Mutant(
        "underscored_headers_are_removed",
        "call dumper_unkeyed_underscores;",
        "if (false) { call dumper_unkeyed_underscores; }",
    ),
    Mutant("underscored_headers_are_removed", "unset bereq.http.X-Forwarded_Proto;"),
    Mutant("underscored_headers_are_removed", "unset bereq.http.Accept_Language;"),
    Mutant(
        "unkeyed_headers_are_removed",
        "if (req.restarts == 0) {\n        unset",
        "if (false) {\n        unset",
    ),
    Mutant(
        "scheme_of_strangers", "remote.ip !~ dumper_terminators", "remote.ip ~ dumper_terminators"
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
    Mutant(
        "repeated_parameters_bypass",
        '"[?&]([^=&]*)(?:=[^&]*)?&(?:[^&]*&)*\\1(?:[=&]|$)"',
        '"^never$"',
    ),
    Mutant("explicit_freshness_only", "set beresp.ttl = 0s;"),
    Mutant("private_things_are_not_stored", "|| beresp.http.Set-Cookie"),
    Mutant(
        "private_things_are_not_stored",
        '|| beresp.http.CDN-Cache-Control ~ "(?i)\\b(?:private|no-store|no-cache)\\b"',
    ),
    Mutant("vary_on_visitors", "|user-agent"),
    Mutant("lifetime_twice", "std.collect(beresp.http.Surrogate-Control);"),
    Mutant("statuses", "beresp.status != 410", "beresp.status != 410 && beresp.status != 500"),
    Mutant("age_counts", '+ "s", 0s) - std.duration(beresp.http.Dumper-Age, 0s)', '+ "s", 0s)'),
    Mutant("lifetime_twice", 'set beresp.http.Dumper-Field = "max-age=0";'),
    Mutant("delivered_headers", "unset resp.http.Surrogate-Control;"),
    Mutant("delivered_headers", "unset resp.http.xkey;"),
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
    Mutant("stale_if_error_over", "> now - std.time(real", "> 0s || now < std.time(real"),
    Mutant(
        "soft_purge_after_expiry",
        "+ 1ms) {\n        set req.http.Dumper-If",
        "+ 1h) {\n        set req.http.Dumper-If",
    ),
    Mutant("soft_purge_is_no_revalidation", '"^replace"', '"^never"'),
    Mutant("xkey_soft_purge_after_expiry", "        || req.http.Dumper-Softly-Purged\n"),
    Mutant("stale_while_revalidate", "set beresp.keep = 1ms;"),
    Mutant("soft_purge_is_no_revalidation", '"replace";', '"revalidate";'),
    Mutant("revalidation", "set beresp.grace = 1h;"),
    Mutant("revalidation_not_storable", "return (retry);"),
    Mutant("stale_while_revalidate", "if (bereq.is_bgfetch) {", "if (false) {"),
    Mutant("stale_is_forbidden", "|proxy-revalidate|s-maxage)", "|proxy-revalidate)"),
    Mutant("expires", "std.collect(beresp.http.Expires);"),
    Mutant("expires", '"^[A-Z][a-z]+,? .* (?:GMT|[0-9]{4})$"', '"."'),
    Mutant("expires", "now) - std.duration(beresp.http.Dumper-Age, 0s)", "now)"),
    Mutant("targeted_fields_are_dictionaries", "{\n        unset beresp.http.Dumper-Field;", "{"),
    Mutant("targeted_fields_are_dictionaries", '{""(?:[^"\\\\]|\\\\.)*""}, ""', '"^$", ""'),
    Mutant("age_is_no_integer", '"^[0-9]+\\s*(?:,|$)"', '"^[0-9]"'),
    Mutant("age_is_no_integer", "set beresp.http.Dumper-Age-Excess = beresp.age;"),
    Mutant("late_answers", "set beresp.ttl = 5s;"),
    Mutant("late_answers", 'std.duration(beresp.http.Dumper-Elapsed + "s", 0s)', "0s"),
    Mutant("late_answers_after_both_purges", "set beresp.ttl = 5s;"),
    Mutant("further_statuses", "unset beresp.http.Dumper-Storable;"),
    Mutant("further_statuses", "beresp.status == 206 || ", ""),
    Mutant(
        "acl_only", "client.ip !~ dumper_purgers", 'client.ip !~ dumper_purgers && req.url == ""'
    ),
    Mutant("token_unneeded_cannot_be_sent", "unset req.http.Dumper-Token-Unneeded;"),
    Mutant("purges_are_counted", "unset req.http.Dumper-In-Flight;"),
    Mutant("purges_are_counted", "unset req.http.Dumper-Counted;"),
    Mutant(
        "hosts_of_the_site", "call dumper_hosts;", "if (false) { call dumper_hosts; }", "dumper.vcl"
    ),
    Mutant(
        "hosts_of_the_site",
        "call dumper_hosts;",
        "if (false) { call dumper_hosts; }",
        "dumper_purges.vcl",
    ),
    Mutant("declared_parameters", 'req.http.Dumper-Undeclared ~ "[^&]"', "false"),
    Mutant("visitors_cannot_purge", "unset bereq.http.X-HTTP-Method-Override;"),
    Mutant(
        "queries_are_variants", 'regsub(req.url, "^[^?]*\\??", "")', '""', "dumper_variants.vcl"
    ),
    Mutant(
        "queries_are_variants",
        '(regsub(req.url, "\\?.*$", ""))',
        "(req.url)",
        "dumper_variants.vcl",
    ),
    Mutant("unsafe_requests_purge", "resp.status < 400", "resp.status < 500", "dumper_unsafe.vcl"),
    Mutant("unsafe_requests_purge", '!~ "\\s"', '!~ "^$"', "dumper_unsafe.vcl"),
    Mutant(
        "unsafe_requests_purge", '"^[^/]*", ""), ","', '"^[^/]*", ""), "@"', "dumper_unsafe.vcl"
    ),
    Mutant("unsafe_requests_purge", '""), ","', '""), "@"', "dumper_unsafe.vcl"),
    Mutant(
        "unsafe_requests_purge",
        '/.*$", "")) == req.http.Host',
        '/.*$", "")) != ""',
        "dumper_unsafe.vcl",
    ),
    Mutant("websockets", "call dumper_clean;", file="dumper_websockets.vcl"),
    Mutant("websockets", "call dumper_target;", file="dumper_websockets.vcl"),
    Mutant("websockets", "call dumper_unkeyed;", "if (false) { call dumper_unkeyed; }"),
    Mutant(
        "esi", 'beresp.http.Surrogate-Control ~ {"(?:^|,)\\s*content', 'beresp.http.X ~ {"content'
    ),
    Mutant("esi", "unset beresp.http.ETag;"),
    Mutant(
        "debug_headers",
        "client.ip ~ dumper_debuggers",
        'client.ip ~ dumper_debuggers || req.url ~ "."',
    ),
    Mutant("languages", "q=0\\.0*(?=,|$)", "q=never", "dumper_languages.vcl"),
    Mutant("languages", '"^.{500}"', '"^.{5000}"', "dumper_languages.vcl"),
    Mutant(
        "escapes_in_lower_case",
        "call dumper_upper_second;",
        "if (false) { call dumper_upper_second; }",
        "dumper_escapes.vcl",
    ),
    Mutant(
        "cache_status_is_ours_once",
        "if (beresp.was_304) {\n        set",
        "if (false) {\n        set",
    ),
    Mutant("cache_status_is_ours_once", "unset req.http.Dumper-Status;"),
    Mutant("cache_status_is_ours_once", "unset req.http.Dumper-Pass;"),
    Mutant("ranges_in_bytes", 'req.method != "GET" || req.http.Range', "req.http.Range"),
    Mutant("ranges_in_bytes", '|| req.http.Range !~ "(?i)^bytes\\s*="'),
    Mutant(
        "several_tags_are_compared",
        "call dumper_none_match;",
        "if (false) { call dumper_none_match; }",
    ),
    Mutant(
        "several_tags_are_compared",
        '" " + regsub(resp.http.ETag, "^W/", "") + " "',
        'regsub(resp.http.ETag, "^W/", "")',
    ),
    Mutant("several_tags_are_compared", '(?:W/)?("', '("'),
    Mutant("several_tags_are_compared", '"^\\s*\\*\\s*$"', '"^never$"'),
    Mutant(
        "vary_on_what_django_never_gets",
        "call dumper_vary;",
        'if (bereq.url ~ "^x") { call dumper_vary; }',
    ),
    Mutant("vary_on_what_django_never_gets", "(?: forwarded |", "(?:"),
    Mutant("scheme_is_a_variant", 'if (bereq.http.X-Forwarded-Proto == "http") {', "if (false) {"),
    Mutant("scheme_of_strangers", '"http";\n    }', '"https";\n    }'),
    Mutant(
        "targeted_field_overrules_no_store", "!beresp.http.Dumper-Overrules\n            && ", ""
    ),
    Mutant(
        "targeted_field_overrules_no_store", '|| beresp.http.Cache-Control ~ "(?i)\\bprivate\\b"'
    ),
    Mutant(
        "targeted_field_overrules_no_store",
        "unset beresp.http.Dumper-Overrules;\n    unset beresp.http.Dumper-Storable;\n    unset",
        "unset",
    ),
    Mutant(
        "private_things_are_not_stored",
        "(!beresp.http.Dumper-Overrules",
        "(beresp.http.Dumper-Overrules",
    ),
    Mutant("variants_are_bounded", "beresp.status != 200 || ", "", "dumper_variants.vcl"),
    Mutant(
        "variants_are_bounded", '|| bereq.http.Dumper-Query ~ "^.{100}"', "", "dumper_variants.vcl"
    ),
    Mutant("variants_are_bounded", 'bereq.http.Dumper-Query ~ "."', "false", "dumper_storing.vcl"),
    Mutant(
        "delivered_headers",
        "# A 304 brings it along again.\n        unset beresp.http.Surrogate-Control;",
    ),
    Mutant(
        "delivered_headers",
        "Dumper-Host;\n    unset beresp.http.Surrogate-Control;",
        "Dumper-Host;",
    ),
]
