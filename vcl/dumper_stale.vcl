# dumper_purge, a part of dumper.vcl: what is served although its lifetime is over.
#
# An object stays for its longest window: stale-while-revalidate, stale-if-error, or an hour in
# which its validators may save the body. A first lookup finds it. Unless it may be served while it
# is revalidated, it is then fetched anew as if it were not there; only if that fails and it may be
# served then, a third lookup delivers it.
vcl 4.1;

import std;

# See dumper_purge_found: a soft purge leaves a TTL of zero.
sub dumper_fresh {
    if (obj.age > 1h) {
        set req.http.Dumper-Status = "fwd=stale";
        return (pass);
    }
}

sub dumper_stale_hit {
    if (!req.http.Dumper-Stale) {
        call dumper_stale_first;
    }
    # For the whole of a request, obj.ttl is what it was when the request began.
    call dumper_stale_windows;
    if (req.http.Dumper-Stale == "serve"
        && obj.ttl + std.duration(req.http.Dumper-If-Error, 0s)
            > now - std.time(real=std.real(req.http.Dumper-Looked, 0.0))) {
        set req.http.Dumper-Status = "hit; detail=stale-if-error";
        return (deliver);
    }
    # It is over by now, while the other fetch was waited for.
    set req.http.Dumper-Status = "fwd=stale";
    return (pass);
}

# A soft purge takes the keep away; that of a tag ends the first of two lifetimes. What it purged is
# never served while it is revalidated, and is not revalidated: its validators may not know of the
# change.
sub dumper_stale_first {
    call dumper_stale_windows;
    set req.http.Dumper-Stale = "revalidate";
    if (obj.keep <= 0s
        || req.http.Dumper-Softly-Purged
        || obj.ttl + obj.age < std.duration(obj.http.Dumper-Lifetime + "s", 0s) - 1ms
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
        set req.http.Dumper-Looked = std.real(time=now);
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
