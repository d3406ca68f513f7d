# dumper_purge, a part of dumper.vcl: which responses are stored, and with what.
vcl 4.1;

# A 304 brings along what was noted on the object that it is about.
sub dumper_forget {
    set beresp.ttl = 0s;
    set beresp.grace = 0s;
    set beresp.keep = 0s;
    unset beresp.http.Dumper-Age-Excess;
    unset beresp.http.Dumper-Field;
    unset beresp.http.Dumper-Lifetime;
    unset beresp.http.Dumper-Overrules;
    unset beresp.http.Dumper-Storable;
    unset beresp.http.Dumper-Windows;
    if (beresp.was_304) {
        set beresp.http.Cache-Status = regsub(beresp.http.Cache-Status,
            "(?:^|, )varnish; hit$", "");
    }
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

# CDN-Cache-Control overrules what Cache-Control says to all caches (RFC 9213, 2.2), but not what a
# page is: where any field calls it private it is one visitor's, whoever set the other.
sub dumper_storable {
    call dumper_statuses;
    if (beresp.ttl <= 0s
        || beresp.status < 200 || beresp.status == 206 || beresp.status == 304
        || (beresp.status >= 400 && beresp.status != 404 && beresp.status != 410
            && !beresp.http.Dumper-Storable)
        || beresp.http.Set-Cookie
        || beresp.http.Surrogate-Control ~ "(?i)\b(?:private|no-store|no-cache)\b"
        || beresp.http.CDN-Cache-Control ~ "(?i)\b(?:private|no-store|no-cache)\b"
        || beresp.http.Cache-Control ~ "(?i)\bprivate\b"
        || (!beresp.http.Dumper-Overrules
            && beresp.http.Cache-Control ~ "(?i)\b(?:no-store|no-cache)\b")
        || beresp.http.Vary ~ "(?i)\*|(?:^|,)\s*(?:cookie|user-agent|authorization)\s*(?:,|$)") {
        # The 304 of a page that may be stored need not say so: Django is asked for all of it.
        if (beresp.was_304) {
            return (retry);
        }
        set beresp.uncacheable = true;
    }
    unset beresp.http.Dumper-Overrules;
    unset beresp.http.Dumper-Storable;
}

# Django states how long it took until it saw for the last time that nothing of the page had been
# purged. What was on its way for long after that may arrive later than a second purge.
sub dumper_late {
    if (beresp.http.Dumper-Elapsed ~ "^[0-9]{1,6}(?:\.[0-9]{1,9})?$" && beresp.ttl > 5s
        && now - std.time(real=std.real(bereq.http.Dumper-Sent, 0.0))
            - std.duration(beresp.http.Dumper-Elapsed + "s", 0s) > 1.5s) {
        set beresp.ttl = 5s;
        set beresp.grace = 0s;
    }
}

# What a ban and a stale hit look at, and the scheme as a variant; dumper_unmark takes it away
# again. The rest is done here so that little is left to do for a hit.
sub dumper_mark {
    set beresp.http.Dumper-Path = regsub(bereq.url, "\?.*$", "");
    set beresp.http.Dumper-Host = bereq.http.Host;
    call dumper_vary;
    std.collect(beresp.http.Cache-Status);
    set beresp.http.Cache-Status = regsub(beresp.http.Cache-Status, "(?<=.)$", ", ")
        + "varnish; hit";
    if (beresp.grace > 0s) {
        set beresp.http.Dumper-Lifetime = beresp.ttl + beresp.age;
        # A soft purge takes it away.
        set beresp.keep = 1ms;
    } else {
        # A 304 brings it along again.
        unset beresp.http.Surrogate-Control;
    }
}

sub dumper_unstored {
    # From now on visitors need not wait for each other, until a response may be stored again. Of
    # queries that are variants nothing is kept: there could be any number.
    if (bereq.http.Dumper-Query ~ ".") {
        set beresp.ttl = 0s;
    } else {
        set beresp.ttl = 60s;
    }
    set beresp.grace = 0s;
    unset beresp.http.Dumper-Path;
    unset beresp.http.Dumper-Host;
    unset beresp.http.Surrogate-Control;
}
