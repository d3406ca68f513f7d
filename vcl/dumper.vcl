# dumper_purge: a shared cache for a Django site that purges precisely.
#
# It includes the files that it needs, from beside it.
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

include "./dumper_places.vcl";
include "./dumper_queries.vcl";
include "./dumper_headers.vcl";
include "./dumper_lookups.vcl";
include "./dumper_purges.vcl";
include "./dumper_stale.vcl";
include "./dumper_lifetimes.vcl";
include "./dumper_storing.vcl";
include "./dumper_delivering.vcl";

sub vcl_recv {
    call dumper_target;
    call dumper_host;
    if (req.method != "GET") {
        call dumper_purge_or_ban;
    }
    call dumper_hosts;
    call dumper_clean;
    call dumper_paths;
    call dumper_bypass;
    if (req.http.Dumper-Pass) {
        return (pass);
    }
    call dumper_lookup;
    return (hash);
}

sub vcl_pipe {
    call dumper_unkeyed;
}

# Before Varnish 7.5 what was purged may seem to have a second left: see dumper_purge_found.
sub vcl_hit {
    if (req.method == "PURGE") {
        call dumper_purge_hit;
    }
    if (obj.ttl < 2s) {
        if (obj.ttl <= 0s) {
            call dumper_stale_hit;
        }
        call dumper_fresh;
    }
    return (deliver);
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

sub vcl_backend_fetch {
    # Varnish refreshes a stale object that it delivers; this one was tried a moment ago.
    if (bereq.is_bgfetch && bereq.http.Dumper-Stale) {
        return (abandon);
    }
    call dumper_unkeyed;
    set bereq.http.Dumper-Sent = std.real(time=now);
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
    # As visitors send it: Varnish notes now for which requests the response is.
    if (bereq.http.X-Forwarded-Proto == "http") {
        unset bereq.http.X-Forwarded-Proto;
    }
    std.collect(beresp.http.Surrogate-Control);
    std.collect(beresp.http.CDN-Cache-Control);
    std.collect(beresp.http.Expires);
    call dumper_forget;
    call dumper_esi;
    call dumper_lifetime;
    call dumper_storable;
    if (beresp.uncacheable) {
        call dumper_unstored;
    } else {
        call dumper_late;
        call dumper_mark;
    }
    unset beresp.http.Dumper-Elapsed;
    return (deliver);
}

# A hit brings its Cache-Status along.
sub vcl_deliver {
    if (req.http.Dumper-Status) {
        call dumper_stale_deliver;
        call dumper_status;
    }
    if (client.ip ~ dumper_debuggers) {
        call dumper_debug;
    }
    if (resp.http.Dumper-Age-Excess) {
        call dumper_age_seen;
    }
    if (resp.http.Dumper-Path) {
        call dumper_unmark;
    }
    unset resp.http.xkey;
    return (deliver);
}
