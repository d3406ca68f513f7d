# dumper_purge: a shared cache for a Django site that purges precisely.
#
# Include it after your own code; its vcl_recv, vcl_backend_response and vcl_deliver decide, so
# what you put before it runs first and the builtin VCL is not reached. You define, as example.vcl
# does: acl dumper_purgers, acl dumper_terminators, sub dumper_tokens, sub dumper_private_cookies,
# sub dumper_kept_cookies. If you define vcl_hash, a purge no longer finds what it added.
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
}

# -- Purging -------------------------------------------------------------------------------------

# The address and the token, both. The token stays on the request until it is answered, because
# a restarted PURGE is checked again; the backend never sees a PURGE.
sub dumper_authorise {
    unset req.http.Dumper-Token-Wanted;
    unset req.http.Dumper-Token-Previous;
    call dumper_tokens;
    if (client.ip !~ dumper_purgers
        || !req.http.Dumper-Token
        || req.http.Dumper-Token == ""
        || (req.http.Dumper-Token != req.http.Dumper-Token-Wanted
            && req.http.Dumper-Token != req.http.Dumper-Token-Previous)) {
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
    if (req.restarts == 0 && req.http.Dumper-Purge !~ "(?i)\bsoft\b") {
        return (purge);
    }
    # return (purge) left hash_always_miss true; with it nothing would wait.
    set req.hash_always_miss = false;
    set req.hash_ignore_busy = true;
    if (req.http.Dumper-Purge ~ "(?i)\bwait\b") {
        set req.hash_ignore_busy = false;
    }
    set req.hash_ignore_vary = true;
    set req.grace = 0s;
    set req.ttl = 1ms;
    return (hash);
}

sub vcl_purge {
    if (req.http.Dumper-Purge ~ "(?i)\bwait\b") {
        return (restart);
    }
    return (synth(200, "Purged"));
}

# Before Varnish 7.5 a TTL is a 32-bit float, and zero seconds left are stored as the object's age:
# an old object may seem to have a second left. Hence a TTL of -2 s here, and dumper_fresh. A soft
# purge cannot have it: an object younger than that would be lost.
sub dumper_purge_found {
    if (req.http.Dumper-Purge ~ "(?i)\bsoft\b") {
        set req.http.Dumper-Purged = purge.soft(0s);
    } else {
        set req.http.Dumper-Found = purge.soft(-2s, 0s, 0s);
    }
}

sub dumper_purge_hit {
    call dumper_purge_found;
    if (req.http.Dumper-Purge !~ "(?i)\bwait\b") {
        return (synth(200, "Purged"));
    }
    set req.http.Dumper-In-Flight = "yes";
    call dumper_purge_again;
}

sub dumper_purge_miss {
    call dumper_purge_found;
    if (req.is_hitmiss && req.http.Dumper-Purge ~ "(?i)\bwait\b") {
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

sub vcl_synth {
    if (req.method == "PURGE" || req.method == "BAN") {
        set resp.http.Content-Type = "application/json";
        set resp.http.Cache-Control = "no-store";
        if (resp.status == 405) {
            set resp.http.Allow = "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE";
        }
        if (req.http.Dumper-In-Flight && resp.status == 200) {
            set resp.body = {"{"answer": "Purged", "in_flight": true}"};
        } elsif (req.http.Dumper-Purged && resp.status == 200) {
            set resp.body = {"{"purged": "} + req.http.Dumper-Purged + "}";
        } else {
            set resp.body = {"{"answer": ""} + regsuball(resp.reason, {"[\\"]"}, "'") + {"""} + "}";
        }
        return (deliver);
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
    if (req.http.Dumper-Stale == "revalidate") {
        set req.grace = 0s;
    } else {
        set req.grace = 365d;
    }
}

# Tracking parameters are taken away, the rest is sorted. Where a name is repeated the order may
# mean something; where it is very long, work on it could exhaust Varnish's workspace; where it is
# written as in no link, there could be endless ways to write it: Django gets these as they came.
sub dumper_query {
    if (req.url ~ "\?") {
        if (req.url ~ "^.{2000}|^[^?]*+\?(?:[^&]*+&){100}") {
            return (pass);
        }
        # DUMPER_TRACKING_PARAMETERS
        set req.http.Dumper-Sorted = regsuball(req.url, {"(?x) (^[^?]*\?|&)
            (?: utm_[^=&]* | gclid | gclsrc | dclid | gbraid | wbraid | fbclid | msclkid
            | mc_cid | mc_eid | _ga | _gl | yclid | twclid | ttclid | igshid )
            (?:=[^&]*)? (?=&|$)"}, "\1");
        set req.http.Dumper-Sorted = regsub(req.http.Dumper-Sorted, "^([^?]*\?)&+", "\1");
        set req.http.Dumper-Sorted = regsub(req.http.Dumper-Sorted, "&+$", "");
        set req.http.Dumper-Sorted = regsub(req.http.Dumper-Sorted, "^([^?]*)\?$", "\1");
        call dumper_canonical_query;
        set req.http.Dumper-Sorted = std.querysort(req.http.Dumper-Sorted);
        if (req.http.Dumper-Sorted ~ "[?&]([^=&]*)(?:=[^&]*)?&\1(?:[=&]|$)") {
            return (pass);
        }
        set req.url = req.http.Dumper-Sorted;
        unset req.http.Dumper-Sorted;
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

# See dumper_purge_found: return (purge) and soft purges leave a TTL of zero.
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

# -- Stale if error ------------------------------------------------------------------------------
#
# An object in its stale-if-error window is found by a first lookup. It is then fetched anew as if
# it were not there; only if that fails does a third lookup deliver it.

sub dumper_stale_hit {
    if (obj.ttl <= 0s) {
        if (!req.http.Dumper-Stale && std.healthy(req.backend_hint)) {
            set req.http.Dumper-Stale = "revalidate";
            return (restart);
        }
        set req.http.Dumper-Status = "hit; detail=stale-if-error";
        return (deliver);
    }
}

# A 5xx that was delivered would remove the stale object.
sub dumper_stale_response {
    if (bereq.http.Dumper-Stale == "revalidate" && beresp.status >= 500 && !bereq.uncacheable) {
        return (error(beresp.status, beresp.reason));
    }
}

sub dumper_stale_deliver {
    if (req.http.Dumper-Stale == "revalidate" && resp.status >= 500) {
        set req.http.Dumper-Stale = "serve";
        return (restart);
    }
}

# -- Storing -------------------------------------------------------------------------------------

sub vcl_backend_fetch {
    # Varnish refreshes a stale object that it delivers; ours was tried a moment ago.
    if (bereq.is_bgfetch) {
        return (abandon);
    }
    unset bereq.http.Dumper-Status;
    unset bereq.http.Dumper-Pass;
    unset bereq.http.Dumper-Cookies;
    unset bereq.http.Dumper-Sorted;
    # The builtin VCL takes the body from every GET.
    if (bereq.uncacheable) {
        return (fetch);
    }
}

sub vcl_backend_response {
    call dumper_stale_response;
    std.collect(beresp.http.Surrogate-Control);
    std.collect(beresp.http.CDN-Cache-Control);
    set beresp.grace = 0s;
    set beresp.keep = 0s;
    call dumper_lifetime;
    call dumper_storable;
    if (beresp.uncacheable) {
        # From now on visitors need not wait for each other, until a response may be stored again.
        set beresp.ttl = 60s;
    } else {
        call dumper_mark;
    }
    return (deliver);
}

# The first of three fields that is there decides, and only an explicit lifetime counts.
sub dumper_lifetime {
    set beresp.ttl = 0s;
    if (beresp.http.Surrogate-Control) {
        set beresp.http.Dumper-Field = beresp.http.Surrogate-Control;
    } elsif (beresp.http.CDN-Cache-Control) {
        set beresp.http.Dumper-Field = beresp.http.CDN-Cache-Control;
    } elsif (beresp.http.Cache-Control ~ "(?i)(?:^|,)\s*s-maxage\s*=") {
        set beresp.http.Dumper-Field = regsuball(beresp.http.Cache-Control,
            "(?i)(^|,)\s*max-age\s*=[^,]*", "");
        set beresp.http.Dumper-Field = regsuball(beresp.http.Dumper-Field,
            "(?i)(^|,)\s*s-maxage\s*=", "\1max-age=");
    } elsif (beresp.http.Cache-Control) {
        set beresp.http.Dumper-Field = beresp.http.Cache-Control;
    } else {
        unset beresp.http.Dumper-Field;
    }
    call dumper_max_age;
    if (beresp.http.Surrogate-Control ~ "(?i)(?:^|,)\s*stale-if-error\s*=\s*[0-9]+\s*(?:,|$)") {
        set beresp.grace = std.duration(regsub(beresp.http.Surrogate-Control,
            "(?i)^(?:.*,)?\s*stale-if-error\s*=\s*([0-9]+)\s*(?:,.*)?$", "\1s"), 0s);
    }
    unset beresp.http.Dumper-Field;
}

# A lifetime that stands twice is none. The age that the page already has counts.
sub dumper_max_age {
    if (beresp.http.Dumper-Field ~ "(?i)(?:^|,)\s*max-age\s*=\s*[0-9]+\s*(?:,|$)"
        && beresp.http.Dumper-Field !~ "(?i)\bmax-age\b.*,\s*max-age\b") {
        set beresp.ttl = std.duration(regsub(beresp.http.Dumper-Field,
            "(?i)^(?:.*,)?\s*max-age\s*=\s*([0-9]+)\s*(?:,.*)?$", "\1s"), 0s) - beresp.age;
    }
}

sub dumper_storable {
    if (beresp.ttl <= 0s
        || (beresp.status != 200 && beresp.status != 203 && beresp.status != 300
            && beresp.status != 301 && beresp.status != 302 && beresp.status != 303
            && beresp.status != 307 && beresp.status != 308 && beresp.status != 404
            && beresp.status != 410)
        || beresp.http.Set-Cookie
        || beresp.http.Surrogate-Control ~ "(?i)\b(?:private|no-store|no-cache)\b"
        || beresp.http.CDN-Cache-Control ~ "(?i)\b(?:private|no-store|no-cache)\b"
        || beresp.http.Cache-Control ~ "(?i)\b(?:private|no-store|no-cache)\b"
        || beresp.http.Vary ~ "(?i)\*|(?:^|,)\s*(?:cookie|user-agent|authorization)\s*(?:,|$)") {
        set beresp.uncacheable = true;
        set beresp.grace = 0s;
    }
}

# What a ban looks at, and the scheme as a variant; vcl_deliver takes both away again.
sub dumper_mark {
    set beresp.http.Dumper-Path = regsub(bereq.url, "\?.*$", "");
    set beresp.http.Dumper-Host = bereq.http.Host;
    if (beresp.http.Vary) {
        set beresp.http.Vary = beresp.http.Vary + ", X-Forwarded-Proto";
    } else {
        set beresp.http.Vary = "X-Forwarded-Proto";
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
    unset resp.http.Dumper-Path;
    unset resp.http.Dumper-Host;
    unset resp.http.Surrogate-Control;
    unset resp.http.xkey;
    std.collect(resp.http.Cache-Status);
    if (resp.http.Cache-Status) {
        set resp.http.Cache-Status = resp.http.Cache-Status + ", ";
    }
    set resp.http.Cache-Status = resp.http.Cache-Status + "varnish; " + req.http.Dumper-Status;
    return (deliver);
}
