# dumper_purge: a shared cache for a Django site that purges precisely.
#
# Include it after your own code; its vcl_recv, vcl_backend_response and vcl_deliver decide, so
# what you put before it runs first and the builtin VCL is not reached. You define, as example.vcl
# does, three acls (dumper_purgers, dumper_terminators, dumper_debuggers) and eight subs, which may
# be empty (dumper_tokens, dumper_hosts, dumper_paths, dumper_private_cookies, dumper_kept_cookies,
# dumper_query_form, dumper_parameters, dumper_statuses). If you define vcl_hash, a purge no longer
# finds what it added.
vcl 4.1;

import purge;
import std;

sub vcl_recv {
    call dumper_target;
    call dumper_host;
    if (req.method == "PURGE" || req.method == "BAN") {
        call dumper_authorise;
        call dumper_refuse_what_is_not_included;
        call dumper_ban;
        call dumper_purge;
    }
    call dumper_clean;
    call dumper_paths;
    call dumper_bypass;
    if (req.http.Dumper-Pass) {
        return (pass);
    }
    call dumper_lookup;
    return (hash);
}

# -- What came with the request ------------------------------------------------------------------

# Headers that change the page in some Django project, or in gunicorn, and are not in the cache's
# key: one request that carries them would poison the page for everyone.
sub dumper_clean {
    unset req.http.Forwarded;
    unset req.http.Front-End-Https;
    unset req.http.Path-Info;
    unset req.http.Proxy;
    unset req.http.Remote-User;
    unset req.http.Script-Name;
    unset req.http.X-Forwarded-Host;
    unset req.http.X-Forwarded-Port;
    unset req.http.X-Forwarded-Prefix;
    unset req.http.X-Forwarded-Protocol;
    unset req.http.X-Forwarded-Scheme;
    unset req.http.X-Forwarded-Server;
    unset req.http.X-Forwarded-Ssl;
    unset req.http.X-Host;
    unset req.http.X-HTTP-Method;
    unset req.http.X-HTTP-Method-Override;
    unset req.http.X-Method-Override;
    unset req.http.X-Original-Host;
    unset req.http.X-Original-URL;
    unset req.http.X-Rewrite-URL;
    unset req.http.X-Scheme;
    unset req.http.X-Script-Name;
    unset req.http.Dumper-Cookies;
    unset req.http.Dumper-Pass;
    unset req.http.Dumper-Sorted;
    unset req.http.Dumper-Status;
    unset req.http.Dumper-Token;
    unset req.http.Dumper-Undeclared;
    if (req.restarts == 0) {
        unset req.http.Dumper-Stale;
    }
    call dumper_clean_underscores;
    # The scheme is keyed, as a member of Vary and not in the hash: one PURGE covers both.
    if (remote.ip ~ dumper_terminators && req.http.X-Forwarded-Proto ~ "(?i)^https$") {
        set req.http.X-Forwarded-Proto = "https";
    } else {
        set req.http.X-Forwarded-Proto = "http";
    }
}

# WSGI has one name for X-Forwarded-Host and X-Forwarded_Host: whoever writes "_" would get past the
# list above, and past Vary. VCL cannot look for "_" in a name, so every mix of both is listed, for
# that list and for what Vary names most often. SCRIPT_NAME and PATH_INFO are gunicorn's own.
sub dumper_clean_underscores {
    unset req.http.Accept_Charset;
    unset req.http.Accept_Encoding;
    unset req.http.Accept_Language;
    unset req.http.Front-End_Https;
    unset req.http.Front_End-Https;
    unset req.http.Front_End_Https;
    unset req.http.Path_Info;
    unset req.http.Remote_User;
    unset req.http.Script_Name;
    unset req.http.X-Forwarded_Host;
    unset req.http.X_Forwarded-Host;
    unset req.http.X_Forwarded_Host;
    unset req.http.X-Forwarded_Port;
    unset req.http.X_Forwarded-Port;
    unset req.http.X_Forwarded_Port;
    unset req.http.X-Forwarded_Prefix;
    unset req.http.X_Forwarded-Prefix;
    unset req.http.X_Forwarded_Prefix;
    unset req.http.X-Forwarded_Proto;
    unset req.http.X_Forwarded-Proto;
    unset req.http.X_Forwarded_Proto;
    unset req.http.X-Forwarded_Protocol;
    unset req.http.X_Forwarded-Protocol;
    unset req.http.X_Forwarded_Protocol;
    unset req.http.X-Forwarded_Scheme;
    unset req.http.X_Forwarded-Scheme;
    unset req.http.X_Forwarded_Scheme;
    unset req.http.X-Forwarded_Server;
    unset req.http.X_Forwarded-Server;
    unset req.http.X_Forwarded_Server;
    unset req.http.X-Forwarded_Ssl;
    unset req.http.X_Forwarded-Ssl;
    unset req.http.X_Forwarded_Ssl;
    unset req.http.X_Host;
    unset req.http.X-HTTP_Method;
    unset req.http.X_HTTP-Method;
    unset req.http.X_HTTP_Method;
    unset req.http.X-HTTP-Method_Override;
    unset req.http.X-HTTP_Method-Override;
    unset req.http.X-HTTP_Method_Override;
    unset req.http.X_HTTP-Method-Override;
    unset req.http.X_HTTP-Method_Override;
    unset req.http.X_HTTP_Method-Override;
    unset req.http.X_HTTP_Method_Override;
    unset req.http.X-Method_Override;
    unset req.http.X_Method-Override;
    unset req.http.X_Method_Override;
    unset req.http.X-Original_Host;
    unset req.http.X_Original-Host;
    unset req.http.X_Original_Host;
    unset req.http.X-Original_URL;
    unset req.http.X_Original-URL;
    unset req.http.X_Original_URL;
    unset req.http.X-Requested_With;
    unset req.http.X_Requested-With;
    unset req.http.X_Requested_With;
    unset req.http.X-Rewrite_URL;
    unset req.http.X_Rewrite-URL;
    unset req.http.X_Rewrite_URL;
    unset req.http.X_Scheme;
    unset req.http.X-Script_Name;
    unset req.http.X_Script-Name;
    unset req.http.X_Script_Name;
}

# Varnish itself rewrites "GET http://host/path", but not "GET https://host/path".
sub dumper_target {
    if (req.url !~ "^/(?!/)" && (req.method != "OPTIONS" || req.url != "*")) {
        return (synth(400, "The target must begin with one slash"));
    }
}

sub dumper_host {
    if (req.http.Host) {
        set req.http.Host = regsub(std.tolower(req.http.Host), ":(80|443)?$", "");
        set req.http.Host = regsub(req.http.Host, "\.(:[0-9]+)?$", "\1");
        if (req.http.Host !~ "^([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$") {
            return (synth(400, "The Host is no host name"));
        }
    } elsif (req.method == "PURGE" || req.method == "BAN") {
        return (synth(400, "A purge needs a Host"));
    }
    # A BAN names its host elsewhere.
    if (req.method != "BAN") {
        call dumper_hosts;
    }
}

# -- Purging -------------------------------------------------------------------------------------

# The address and the token, both. The token stays on the request until it is answered, because
# a restarted PURGE is checked again; the backend never sees a PURGE.
sub dumper_authorise {
    unset req.http.Dumper-Token-Wanted;
    unset req.http.Dumper-Token-Previous;
    unset req.http.Dumper-Token-Unneeded;
    call dumper_tokens;
    if (client.ip !~ dumper_purgers
        || (!req.http.Dumper-Token-Unneeded
            && (!req.http.Dumper-Token
                || req.http.Dumper-Token == ""
                || (req.http.Dumper-Token != req.http.Dumper-Token-Wanted
                    && req.http.Dumper-Token != req.http.Dumper-Token-Previous)))) {
        return (synth(405, "Not allowed"));
    }
}

sub dumper_refuse_what_is_not_included {
    if (req.http.xkey-purge || req.http.xkey-softpurge) {
        return (synth(501, "Include dumper_xkey.vcl before dumper.vcl to purge tags"));
    }
}

# Bans look at stored objects only, so that the lurker can carry them out. std.ban() splits its text
# at spaces and knows no way to quote them: a pattern that has one could bring conditions of its
# own. No path in canonical form has a space or a quote, so nothing is lost.
sub dumper_ban {
    if (req.method == "BAN") {
        if (!req.http.Dumper-Ban-Path || req.http.Dumper-Ban-Path ~ {"^$|[\s"]"}) {
            return (synth(400, "Dumper-Ban-Path is a regular expression without space or quote"));
        }
        if (req.http.Dumper-Ban-Host && req.http.Dumper-Ban-Host ~ {"^$|[\s"\\]"}) {
            return (synth(400, "Dumper-Ban-Host is one host"));
        }
        set req.http.Dumper-Ban = "obj.http.Dumper-Path ~ " + req.http.Dumper-Ban-Path;
        if (req.http.Dumper-Ban-Host) {
            set req.http.Dumper-Ban = req.http.Dumper-Ban + " && obj.http.Dumper-Host == "
                + std.tolower(req.http.Dumper-Ban-Host);
        }
        if (std.ban(req.http.Dumper-Ban)) {
            return (synth(200, "Banned"));
        }
        return (synth(400, std.ban_error()));
    }
}

# PURGE removes what is stored: all variants, at once. With "Dumper-Purge: wait" it then looks the
# page up like a visitor: a fetch in flight parks it, and the page is removed as it arrives. With
# "soft", what is stored is kept for stale-if-error.
sub dumper_purge {
    call dumper_canonical;
    if (req.http.Dumper-Pass) {
        return (synth(400, "The path is not in canonical form, so nothing is stored under it"));
    }
    call dumper_query;
    if (req.restarts == 0) {
        unset req.http.Dumper-In-Flight;
        unset req.http.Dumper-Purged;
        set req.hash_ignore_busy = true;
    } else {
        set req.hash_ignore_busy = false;
    }
    set req.hash_ignore_vary = true;
    set req.grace = 0s;
    # What was stored before is a miss by that, which removes it too; a hit has just arrived.
    set req.ttl = 1ms;
    return (hash);
}

sub dumper_purge_stored {
    call dumper_purge_found;
    if (req.http.Dumper-Purge !~ "(?i)\bwait\b") {
        return (synth(200, "Purged"));
    }
    if (req.restarts == 0) {
        return (restart);
    }
}

# Before Varnish 7.5 a TTL is a 32-bit float, and zero seconds left are stored as the object's age:
# an old object may seem to have a second left. Hence a TTL of -2 s here, and dumper_fresh. A soft
# purge cannot have it: an object younger than that would be lost.
sub dumper_purge_found {
    if (req.http.Dumper-Purge ~ "(?i)\bsoft\b") {
        set req.http.Dumper-Found = purge.soft(0s);
    } else {
        set req.http.Dumper-Found = purge.soft(-2s, 0s, 0s);
    }
    # What the later lookups find was counted by the first, or was in flight.
    if (req.restarts == 0) {
        set req.http.Dumper-Purged = req.http.Dumper-Found;
    }
}

sub dumper_purge_hit {
    call dumper_purge_stored;
    set req.http.Dumper-In-Flight = "yes";
    call dumper_purge_again;
}

sub dumper_purge_miss {
    call dumper_purge_stored;
    if (req.is_hitmiss) {
        call dumper_purge_again;
    }
    return (synth(200, "Purged"));
}

sub dumper_purge_again {
    if (req.restarts >= 4) {
        return (synth(503, "Many fetches are in flight, send it again"));
    }
    return (restart);
}

# The number after "vcl" is raised when the answers, or what a site defines, change.
sub vcl_synth {
    if (req.method == "PURGE" || req.method == "BAN") {
        set resp.http.Content-Type = "application/json";
        set resp.http.Cache-Control = "no-store";
        if (resp.status == 405) {
            set resp.http.Allow = "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE";
        }
        unset req.http.Dumper-Counted;
        if (req.method == "PURGE" && resp.status == 200) {
            call dumper_counted;
        }
        set resp.body = {"{"answer": ""} + regsuball(resp.reason, {"[\\"]"}, "'") + {"", "}
            + req.http.Dumper-Counted + {""vcl": 1}"};
        return (deliver);
    }
}

sub dumper_counted {
    set req.http.Dumper-Counted = {""purged": "} + std.integer(req.http.Dumper-Purged, 0) + ", ";
    if (req.http.Dumper-In-Flight) {
        set req.http.Dumper-Counted = req.http.Dumper-Counted + {""in_flight": true, "};
    }
}

# -- Looking up ----------------------------------------------------------------------------------

# What is never answered from the cache, nor stored: Django gets it as it came.
sub dumper_bypass {
    if (req.method != "GET" && req.method != "HEAD") {
        set req.http.Dumper-Pass = "method";
    } elsif (!req.http.Host || req.http.Authorization || req.http.Transfer-Encoding
        || (req.http.Content-Length && req.http.Content-Length != "0")) {
        set req.http.Dumper-Pass = "bypass";
    } else {
        call dumper_canonical;
        call dumper_cookies;
    }
}

# The form that django.urls.reverse() writes. A path in any other could not be purged, because
# nobody could name it, and would be stored once for each way of writing it. Nor is what has a "#"
# stored: servers drop what follows it, so that Django sees the page without it.
sub dumper_canonical {
    if (req.url !~ {"(?x) ^ (?: [A-Za-z0-9/:@!$&'()*+,;=~_.-]
            | % (?: [01][0-9A-F] | 2[0235] | 3[CEF] | 5[B-E] | 60 | 7[BCDF] | [89A-F][0-9A-F] )
            )*+ (?: \? [^#]*+ )? $"}
        || req.url ~ "^[^?]*/\.\.?(?:[/?]|$)") {
        set req.http.Dumper-Pass = "bypass";
    }
}

# The cookies are read in the form ";name=value;name=value". What is very long could exhaust
# Varnish's workspace.
sub dumper_cookies {
    std.collect(req.http.Cookie, ";");
    if (req.http.Cookie ~ ".{4000}") {
        set req.http.Dumper-Pass = "bypass";
    } elsif (req.http.Cookie) {
        set req.http.Dumper-Cookies = regsuball(";" + req.http.Cookie, ";\s+", ";");
        call dumper_private_cookies;
    }
}

# A space after the semicolon marks the cookies that are kept.
sub dumper_lookup {
    call dumper_query;
    if (req.http.Cookie) {
        call dumper_kept_cookies;
        set req.http.Cookie = regsuball(req.http.Dumper-Cookies, ";(?! )[^;]*", "");
        set req.http.Cookie = regsub(req.http.Cookie, "^; ", "");
        if (req.http.Cookie == "") {
            unset req.http.Cookie;
        }
        unset req.http.Dumper-Cookies;
    }
    # A restart keeps the grace of the lookup before it; the object's own is the limit anyway.
    if (req.http.Dumper-Stale && req.http.Dumper-Stale != "serve") {
        set req.grace = 0s;
    } else {
        set req.grace = 365d;
    }
}

# dumper_query_form takes tracking parameters away and sorts the rest. Where a name is repeated the
# order may mean something; where it is very long, work on it could exhaust Varnish's workspace;
# where it is written as in no link, there could be endless ways to write it; where a parameter is
# not declared, anybody could fill the cache with it: Django gets these as they came.
sub dumper_query {
    if (req.url ~ "\?") {
        if (req.url ~ "^.{2000}|^[^?]*+\?(?:[^&]*+&){100}") {
            return (pass);
        }
        set req.http.Dumper-Sorted = req.url;
        call dumper_query_form;
        set req.http.Dumper-Sorted = regsub(req.http.Dumper-Sorted, "^([^?]*\?)&+", "\1");
        set req.http.Dumper-Sorted = regsub(req.http.Dumper-Sorted, "&+$", "");
        set req.http.Dumper-Sorted = regsub(req.http.Dumper-Sorted, "^([^?]*)\?$", "\1");
        call dumper_canonical_query;
        if (req.http.Dumper-Sorted ~ "[?&]([^=&]*)(?:=[^&]*)?&(?:[^&]*&)*\1(?:[=&]|$)") {
            return (pass);
        }
        set req.http.Dumper-Undeclared = regsub(req.http.Dumper-Sorted, "^[^?]*\??", "&");
        call dumper_parameters;
        if (req.http.Dumper-Undeclared ~ "[^&]") {
            return (pass);
        }
        set req.url = req.http.Dumper-Sorted;
        unset req.http.Dumper-Sorted;
        unset req.http.Dumper-Undeclared;
    }
}

# The form that Django's urlencode() and its template filter write, and beside it what stands in
# links by hand, such as "/" and ":". A name that needs "%" could be a tracking parameter's.
sub dumper_canonical_query {
    if (req.http.Dumper-Sorted !~ {"(?x) ^ [^?]*+ (?: $ | \?
            (?: [A-Za-z0-9/:@!$()*+,;?~_.-]*+
                (?: = (?: [A-Za-z0-9/:@!$()*+,;?~_.=-]
                    | % (?: [01][0-9A-F] | 2[0-9A-CF] | 3[A-F] | 40 | 5[B-E] | 60 | 7[BCDF]
                        | [89A-F][0-9A-F] )
                    )*+ )?+
                (?: & | $ )
            )*+ $ )"}) {
        return (pass);
    }
}

sub vcl_hit {
    if (req.method == "PURGE") {
        call dumper_purge_hit;
    }
    call dumper_stale_hit;
    call dumper_fresh;
    set req.http.Dumper-Status = "hit";
    return (deliver);
}

# See dumper_purge_found: a soft purge leaves a TTL of zero.
sub dumper_fresh {
    if (obj.age > 1h && obj.ttl < 2s) {
        set req.http.Dumper-Status = "fwd=stale";
        return (pass);
    }
}

sub vcl_miss {
    if (req.method == "PURGE") {
        call dumper_purge_miss;
    }
    set req.http.Dumper-Status = "fwd=miss";
    return (fetch);
}

sub vcl_pass {
    if (req.method == "PURGE") {
        return (synth(200, "Purged"));
    }
    if (req.http.Dumper-Pass == "method") {
        set req.http.Dumper-Status = "fwd=method";
    } elsif (!req.http.Dumper-Status) {
        set req.http.Dumper-Status = "fwd=bypass";
    }
    return (fetch);
}

# -- Stale ---------------------------------------------------------------------------------------
#
# An object stays for its longest window: stale-while-revalidate, stale-if-error, or an hour in which
# its validators may save the body. A first lookup finds it. Unless it may be served while it is
# revalidated, it is then fetched anew as if it were not there; only if that fails and it may be
# served then, a third lookup delivers it.

sub dumper_stale_hit {
    if (obj.ttl <= 0s) {
        if (!req.http.Dumper-Stale) {
            call dumper_stale_first;
        }
        # For the whole of a request, obj.ttl is what it was when the request began.
        call dumper_stale_windows;
        if (req.http.Dumper-Stale == "serve"
            && obj.ttl + std.duration(req.http.Dumper-If-Error, 0s)
                > now - std.real2time(std.real(req.http.Dumper-Looked, 0.0), now)) {
            set req.http.Dumper-Status = "hit; detail=stale-if-error";
            return (deliver);
        }
        # It is over by now, while the other fetch was waited for.
        set req.http.Dumper-Status = "fwd=stale";
        return (pass);
    }
}

# The two lifetimes differ where a soft purge ended the first. What it purged is never served while
# it is revalidated, and is not revalidated: its validators may not know of the change.
sub dumper_stale_first {
    call dumper_stale_windows;
    set req.http.Dumper-Stale = "revalidate";
    if (obj.ttl + obj.age < std.duration(obj.http.Dumper-Lifetime + "s", 0s) - 1ms
        || obj.ttl + obj.age > std.duration(obj.http.Dumper-Lifetime + "s", 0s) + 1ms) {
        set req.http.Dumper-Stale = "replace";
    } elsif (obj.ttl + std.duration(req.http.Dumper-While-Revalidate, 0s) > 0s) {
        unset req.http.Dumper-Stale;
        set req.http.Dumper-Status = "hit; detail=stale-while-revalidate";
        return (deliver);
    }
    if (obj.ttl + std.duration(req.http.Dumper-If-Error, 0s) > 0s) {
        if (!std.healthy(req.backend_hint)) {
            set req.http.Dumper-Stale = "serve";
            set req.http.Dumper-Status = "hit; detail=stale-if-error";
            return (deliver);
        }
        set req.http.Dumper-Stale = req.http.Dumper-Stale + " or serve";
        set req.http.Dumper-Looked = std.time2real(now, 0.0);
    }
    return (restart);
}

sub dumper_stale_windows {
    set req.http.Dumper-While-Revalidate = regsub(obj.http.Dumper-Windows, " .*$", "");
    set req.http.Dumper-If-Error = regsub(obj.http.Dumper-Windows, "^.* ", "");
    # A soft purge of what had expired before counts its time anew.
    if (obj.ttl + obj.age > std.duration(obj.http.Dumper-Lifetime + "s", 0s) + 1ms) {
        set req.http.Dumper-If-Error = std.duration(req.http.Dumper-If-Error, 0s)
            + std.duration(obj.http.Dumper-Lifetime + "s", 0s) - obj.ttl - obj.age;
        set req.http.Dumper-If-Error = req.http.Dumper-If-Error + "s";
    }
}

# A 5xx that was delivered would remove the stale object.
sub dumper_stale_response {
    if (beresp.status >= 500 && !bereq.uncacheable) {
        if (bereq.is_bgfetch) {
            return (abandon);
        }
        if (bereq.http.Dumper-Stale ~ " or serve$") {
            return (error(beresp.status, beresp.reason));
        }
    }
}

sub dumper_stale_deliver {
    if (req.http.Dumper-Stale ~ " or serve$" && resp.status >= 500) {
        set req.http.Dumper-Stale = "serve";
        return (restart);
    }
}

# -- Storing -------------------------------------------------------------------------------------

sub vcl_backend_fetch {
    # Varnish refreshes a stale object that it delivers; this one was tried a moment ago.
    if (bereq.is_bgfetch && bereq.http.Dumper-Stale) {
        return (abandon);
    }
    unset bereq.http.Dumper-Status;
    unset bereq.http.Dumper-Pass;
    unset bereq.http.Dumper-Cookies;
    unset bereq.http.Dumper-Sorted;
    unset bereq.http.Dumper-Undeclared;
    unset bereq.http.Dumper-While-Revalidate;
    unset bereq.http.Dumper-If-Error;
    unset bereq.http.Dumper-Looked;
    set bereq.http.Dumper-Sent = std.time2real(now, 0.0);
    # The builtin VCL takes the body from every GET.
    if (bereq.uncacheable) {
        return (fetch);
    }
    if (bereq.http.Dumper-Stale ~ "^replace" || bereq.retries > 0) {
        unset bereq.http.If-None-Match;
        unset bereq.http.If-Modified-Since;
    }
}

sub vcl_backend_response {
    call dumper_stale_response;
    std.collect(beresp.http.Surrogate-Control);
    std.collect(beresp.http.CDN-Cache-Control);
    std.collect(beresp.http.Expires);
    call dumper_forget;
    call dumper_esi;
    call dumper_lifetime;
    call dumper_storable;
    if (beresp.uncacheable) {
        # From now on visitors need not wait for each other, until a response may be stored again.
        set beresp.ttl = 60s;
        set beresp.grace = 0s;
    } else {
        call dumper_late;
        call dumper_mark;
    }
    unset beresp.http.Dumper-Elapsed;
    return (deliver);
}

# A 304 brings along what was noted on the object that it is about.
sub dumper_forget {
    set beresp.ttl = 0s;
    set beresp.grace = 0s;
    set beresp.keep = 0s;
    unset beresp.http.Dumper-Age-Excess;
    unset beresp.http.Dumper-Field;
    unset beresp.http.Dumper-Lifetime;
    unset beresp.http.Dumper-Storable;
    unset beresp.http.Dumper-Windows;
}

# Only where Django says so, in the words of the Edge Architecture Specification. The validators
# are the frame's and know nothing of its fragments.
sub dumper_esi {
    if (beresp.http.Surrogate-Control ~ {"(?:^|,)\s*content="[^"]*\bESI/1\.0\b[^"]*""}) {
        set beresp.do_esi = true;
        unset beresp.http.ETag;
        unset beresp.http.Last-Modified;
    }
}

# The first of three fields that is there and can be parsed decides (RFC 9213, 2.2), and only an
# explicit lifetime counts.
sub dumper_lifetime {
    call dumper_age;
    set beresp.http.Dumper-Field = beresp.http.Surrogate-Control;
    call dumper_dictionary;
    if (!beresp.http.Dumper-Field) {
        set beresp.http.Dumper-Field = beresp.http.CDN-Cache-Control;
        call dumper_dictionary;
    }
    if (!beresp.http.Dumper-Field) {
        call dumper_cache_control;
    }
    call dumper_max_age;
    call dumper_windows;
    unset beresp.http.Dumper-Age;
    unset beresp.http.Dumper-Field;
}

# The age that the page already has. What is no integer is ignored (RFC 9111, 5.1), while Varnish
# reads its first digits.
sub dumper_age {
    set beresp.http.Dumper-Age = "0s";
    if (beresp.http.Age ~ "^[0-9]+\s*(?:,|$)") {
        set beresp.http.Dumper-Age = regsub(beresp.http.Age, "^([0-9]{1,9}).*$", "\1s");
    } elsif (beresp.age >= 1s) {
        set beresp.http.Dumper-Age-Excess = beresp.age;
        set beresp.http.Dumper-Age-Excess = regsub(beresp.http.Dumper-Age-Excess, "\..*$", "");
    }
}

# A structured field that is a dictionary (RFC 8941, 3.2), or nothing. Its strings go.
sub dumper_dictionary {
    if (beresp.http.Dumper-Field ~ {"(?x)
            (?(DEFINE) (?<key> [a-z*][a-z0-9_.*-]* )
                (?<string> " (?: [ !#-\[\]-~] | \\["\\] )* " )
                (?<number> -? [0-9]{1,12} (?: \. [0-9]{1,3} | [0-9]{0,3} ) )
                (?<token> [A-Za-z*] [A-Za-z0-9!\#$%&'*+.^_`|~:/-]* )
                (?<bare> (?&number) | (?&string) | (?&token) | : [A-Za-z0-9+/=]* : | \?[01] )
                (?<parameters> (?: ;[ ]* (?&key) (?: = (?&bare) )? )* )
                (?<item> (?&bare) (?&parameters) )
                (?<list> \( [ ]* (?: (?&item) (?: [ ]+ (?&item) )* )? [ ]* \) (?&parameters) )
                (?<member> (?&key) (?: = (?: (?&list) | (?&item) ) | (?&parameters) ) ) )
            ^ [ ]* (?&member) (?: [ \t]* , [ \t]* (?&member) )* [ ]* $"}) {
        set beresp.http.Dumper-Field = regsuball(beresp.http.Dumper-Field,
            {""(?:[^"\\]|\\.)*""}, "");
    } else {
        unset beresp.http.Dumper-Field;
    }
}

# No structured field: any case, spaces, quoted numbers. A lifetime that stands twice is none
# (RFC 9111, 4.2.1). Where there is none, Expires counts (5.3).
sub dumper_cache_control {
    set beresp.http.Dumper-Field = std.tolower(beresp.http.Cache-Control);
    set beresp.http.Dumper-Field = regsuball(beresp.http.Dumper-Field,
        {"\s*=\s*(?:"([0-9]+)"|"(?:[^"\\]|\\.)*")?"}, "=\1");
    if (beresp.http.Dumper-Field ~ "(?:^|,)\s*((?:s-maxage|max-age)\b)(?:.*,)?\s*\1") {
        set beresp.http.Dumper-Field = "max-age=0";
    } elsif (beresp.http.Dumper-Field !~ "(?:^|,)\s*(?:s-maxage|max-age)\s*(?:[=,]|$)") {
        call dumper_expires;
    }
}

# std.time() reads more than HTTP's three forms; what it cannot read is long over.
sub dumper_expires {
    if (beresp.http.Expires ~ "^[A-Z][a-z]+,? .* (?:GMT|[0-9]{4})$") {
        set beresp.ttl = std.time(beresp.http.Expires, std.real2time(0.0, now))
            - std.time(beresp.http.Date, now) - std.duration(beresp.http.Dumper-Age, 0s);
    }
}

# The last of several members counts. Seconds that are too many are 2^31 (RFC 9111, 1.2.2).
sub dumper_max_age {
    if (beresp.http.Dumper-Field ~ "(?:^|,)\s*s-maxage\s*(?:[=,;]|$)") {
        set beresp.http.Dumper-Seconds = regsub(beresp.http.Dumper-Field,
            "^(?:.*,)?\s*s-maxage(?:=([^,;\s]*))?\s*(?:[,;].*)?$", "\1");
    } else {
        set beresp.http.Dumper-Seconds = regsub(beresp.http.Dumper-Field,
            "^(?:.*,)?\s*max-age(?:=([^,;\s]*))?\s*(?:[,;].*)?$", "\1");
    }
    if (beresp.http.Dumper-Seconds ~ "^[0-9]+$") {
        set beresp.ttl = std.duration(regsub(beresp.http.Dumper-Seconds, "^[0-9]{10,}$",
            "2147483648") + "s", 0s) - std.duration(beresp.http.Dumper-Age, 0s);
    }
    unset beresp.http.Dumper-Seconds;
}

# How long it may be served stale (RFC 5861), unless that is forbidden (RFC 9111, 4.2.4).
sub dumper_windows {
    if (beresp.http.Dumper-Field
        !~ "(?:^|,)\s*(?:must-revalidate|proxy-revalidate|s-maxage)\s*(?:[=,;]|$)") {
        if (beresp.http.Dumper-Field ~ "(?:^|,)\s*stale-(?:while-revalidate|if-error)=[0-9]") {
            call dumper_stale_allowed;
        }
    }
    if (beresp.grace < 1h && (beresp.http.ETag || beresp.http.Last-Modified)) {
        set beresp.grace = 1h;
    }
}

sub dumper_stale_allowed {
    set beresp.http.Dumper-Windows = "0s 0s";
    if (beresp.http.Dumper-Field ~ "(?:^|,)\s*stale-while-revalidate=[0-9]{1,9}\s*(?:[,;]|$)") {
        set beresp.http.Dumper-Windows = regsub(beresp.http.Dumper-Field,
            "^(?:.*,)?\s*stale-while-revalidate=([0-9]+)\s*(?:[,;].*)?$", "\1s") + " 0s";
    }
    set beresp.grace = std.duration(regsub(beresp.http.Dumper-Windows, " .*$", ""), 0s);
    if (beresp.http.Dumper-Field ~ "(?:^|,)\s*stale-if-error=[0-9]{1,9}\s*(?:[,;]|$)") {
        set beresp.http.Dumper-Seconds = regsub(beresp.http.Dumper-Field,
            "^(?:.*,)?\s*stale-if-error=([0-9]+)\s*(?:[,;].*)?$", "\1s");
        set beresp.http.Dumper-Windows = regsub(beresp.http.Dumper-Windows, " .*$", " ")
            + beresp.http.Dumper-Seconds;
        if (std.duration(beresp.http.Dumper-Seconds, 0s) > beresp.grace) {
            set beresp.grace = std.duration(beresp.http.Dumper-Seconds, 0s);
        }
        unset beresp.http.Dumper-Seconds;
    }
}

sub dumper_storable {
    call dumper_statuses;
    if (beresp.ttl <= 0s
        || beresp.status < 200 || beresp.status == 206 || beresp.status == 304
        || (beresp.status >= 400 && beresp.status != 404 && beresp.status != 410
            && !beresp.http.Dumper-Storable)
        || beresp.http.Set-Cookie
        || beresp.http.Surrogate-Control ~ "(?i)\b(?:private|no-store|no-cache)\b"
        || beresp.http.CDN-Cache-Control ~ "(?i)\b(?:private|no-store|no-cache)\b"
        || beresp.http.Cache-Control ~ "(?i)\b(?:private|no-store|no-cache)\b"
        || beresp.http.Vary ~ "(?i)\*|(?:^|,)\s*(?:cookie|user-agent|authorization)\s*(?:,|$)") {
        # The 304 of a page that may be stored need not say so: Django is asked for all of it.
        if (beresp.was_304) {
            return (retry);
        }
        set beresp.uncacheable = true;
    }
    unset beresp.http.Dumper-Storable;
}

# Django states how long it took until it saw for the last time that nothing of the page had been
# purged. What was on its way for long after that may arrive later than a second purge.
sub dumper_late {
    if (beresp.http.Dumper-Elapsed ~ "^[0-9]{1,6}(?:\.[0-9]{1,9})?$" && beresp.ttl > 5s
        && now - std.real2time(std.real(bereq.http.Dumper-Sent, 0.0), now)
            - std.duration(beresp.http.Dumper-Elapsed + "s", 0s) > 1.5s) {
        set beresp.ttl = 5s;
        set beresp.grace = 0s;
    }
}

# What a ban and a stale hit look at, and the scheme as a variant; vcl_deliver takes all away again.
sub dumper_mark {
    set beresp.http.Dumper-Path = regsub(bereq.url, "\?.*$", "");
    set beresp.http.Dumper-Host = bereq.http.Host;
    set beresp.http.Dumper-Lifetime = beresp.ttl + beresp.age;
    if (!beresp.http.Vary) {
        set beresp.http.Vary = "X-Forwarded-Proto";
    } elsif (beresp.http.Vary !~ "(?:^|, )X-Forwarded-Proto$") {
        set beresp.http.Vary = beresp.http.Vary + ", X-Forwarded-Proto";
    }
}

# -- Delivering ----------------------------------------------------------------------------------

sub vcl_deliver {
    call dumper_stale_deliver;
    if (resp.http.Dumper-Path) {
        set resp.http.Vary = regsub(resp.http.Vary, "(?:^|, )X-Forwarded-Proto$", "");
        if (resp.http.Vary == "") {
            unset resp.http.Vary;
        }
    }
    std.collect(resp.http.Cache-Status);
    if (resp.http.Cache-Status) {
        set resp.http.Cache-Status = resp.http.Cache-Status + ", ";
    }
    set resp.http.Cache-Status = resp.http.Cache-Status + "varnish; " + req.http.Dumper-Status;
    if (client.ip ~ dumper_debuggers) {
        call dumper_debug;
    }
    if (resp.http.Dumper-Age-Excess) {
        set resp.http.Age = std.integer(resp.http.Age, 0)
            - std.integer(resp.http.Dumper-Age-Excess, 0);
        unset resp.http.Dumper-Age-Excess;
    }
    unset resp.http.Dumper-Path;
    unset resp.http.Dumper-Host;
    unset resp.http.Dumper-Lifetime;
    unset resp.http.Dumper-Windows;
    unset resp.http.Surrogate-Control;
    unset resp.http.xkey;
    return (deliver);
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
