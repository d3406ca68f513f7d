# dumper_purge, a part of dumper.vcl: what visitors see.
vcl 4.1;

import std;

# RFC 9211. The response is no hit, or a stale one.
sub dumper_status {
    if (resp.http.Dumper-Path) {
        set resp.http.Cache-Status = regsub(resp.http.Cache-Status, "(?:^|, )varnish; hit$", "");
    }
    std.collect(resp.http.Cache-Status);
    set resp.http.Cache-Status = regsub(resp.http.Cache-Status, "(?<=.)$", ", ")
        + "varnish; " + req.http.Dumper-Status;
}

sub dumper_debug {
    if (resp.http.Dumper-Path) {
        set req.http.Dumper-Seconds = obj.ttl;
        set resp.http.Cache-Status = resp.http.Cache-Status + "; ttl="
            + regsub(req.http.Dumper-Seconds, "\..*$", "");
    }
    set resp.http.Dumper-Hits = obj.hits;
    std.collect(resp.http.xkey, " ");
    set resp.http.Dumper-Tags = resp.http.xkey;
}

sub dumper_age_seen {
    set resp.http.Age = std.integer(resp.http.Age, 0)
        - std.integer(resp.http.Dumper-Age-Excess, 0);
    unset resp.http.Dumper-Age-Excess;
}

# What dumper_mark noted on the object.
sub dumper_unmark {
    if (resp.http.Vary == "X-Forwarded-Proto") {
        unset resp.http.Vary;
    } else {
        set resp.http.Vary = regsub(resp.http.Vary, ", X-Forwarded-Proto$", "");
        if (resp.http.Vary == "") {
            unset resp.http.Vary;
        }
    }
    unset resp.http.Dumper-Path;
    unset resp.http.Dumper-Host;
    if (resp.http.Dumper-Lifetime) {
        std.collect(req.http.If-None-Match);
        if (req.http.If-None-Match && resp.http.ETag && req.http.If-None-Match !~ "^.{2000}") {
            call dumper_none_match;
        }
        unset resp.http.Dumper-Lifetime;
        unset resp.http.Dumper-Windows;
        unset resp.http.Surrogate-Control;
    }
}

# Varnish compares one tag; a list, and "*", become the one of the page (RFC 9110, 13.1.2). In a tag
# stands neither a space nor a quote, so that none begins or ends inside another. What is very long
# could exhaust Varnish's workspace.
sub dumper_none_match {
    set req.http.Dumper-Match = regsuball(" " + req.http.If-None-Match,
        {"[\s,]+(?:W/)?("[^\s"]*")(?=[\s,]|$)"}, " \1 ");
    if (req.http.If-None-Match ~ "^\s*\*\s*$"
        || std.strstr(req.http.Dumper-Match, " " + regsub(resp.http.ETag, "^W/", "") + " ")) {
        set req.http.If-None-Match = resp.http.ETag;
    }
}
