# dumper_purge, a part of dumper.vcl: which requests are looked up.
vcl 4.1;

import std;

# What is never answered from the cache, nor stored: Django gets it as it came.
sub dumper_bypass {
    if (req.method != "GET" && req.method != "HEAD") {
        set req.http.Dumper-Pass = "method";
    } elsif (!req.http.Host || req.http.Authorization || req.http.Transfer-Encoding
        || (req.http.Content-Length && req.http.Content-Length != "0")) {
        set req.http.Dumper-Pass = "bypass";
    } else {
        if (req.http.Cookie) {
            call dumper_cookies;
        }
        call dumper_spelling;
    }
}

# The cookies are read in the form ";name=value;name=value". What is very long could exhaust
# Varnish's workspace.
sub dumper_cookies {
    std.collect(req.http.Cookie, ";");
    if (req.http.Cookie ~ ".{4000}") {
        set req.http.Dumper-Pass = "bypass";
    } else {
        set req.http.Dumper-Cookies = regsuball(";" + req.http.Cookie, ";\s+", ";");
        call dumper_private_cookies;
    }
}

sub dumper_lookup {
    if (req.http.Cookie) {
        call dumper_keep_cookies;
    }
    # A restart keeps the grace of the lookup before it; the object's own is the limit anyway.
    if (req.restarts > 0) {
        if (req.http.Dumper-Stale && req.http.Dumper-Stale != "serve") {
            set req.grace = 0s;
        } else {
            set req.grace = 365d;
        }
    }
}

# A space after the semicolon marks the cookies that are kept.
sub dumper_keep_cookies {
    call dumper_kept_cookies;
    set req.http.Cookie = regsuball(req.http.Dumper-Cookies, ";(?! )[^;]*", "");
    set req.http.Cookie = regsub(req.http.Cookie, "^; ", "");
    if (req.http.Cookie == "") {
        unset req.http.Cookie;
    }
    unset req.http.Dumper-Cookies;
}
