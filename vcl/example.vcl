# dumper_purge: a complete VCL for a Django site. Copy it, and write your own values at (1) to
# (8). The acls and subs may be empty, but not missing.
vcl 4.1;

import std;

# (1) Django.
backend default {
    .host = "127.0.0.1";
    .port = "8000";
    # While a URL of yours that is cheap fails, pages are served that may be in an error. If it does
    # not answer 200 to this Host, every visitor gets a 503.
    # .probe = {
    #     .request = "GET /health/ HTTP/1.1" "Host: www.example.com" "Connection: close";
    #     .interval = 2s;
    #     .window = 4;
    #     .threshold = 2;
    # }
}

# (2) Who may purge: an address in this list that also knows the token. An empty token never
# matches, so nobody may purge until one is written here. The second is for rotation.
acl dumper_purgers {
    "127.0.0.1";
    "::1";
}

sub dumper_tokens {
    set req.http.Dumper-Token-Wanted = "";
    set req.http.Dumper-Token-Previous = "";
    # Better still, with "varnishd -a site=:80 -a purge=127.0.0.1:6082", where only Django gets:
    # if (local.socket != "purge") { return (synth(405, "Not allowed")); }
    # The list above alone, if Varnish sees the visitors' own addresses and has no PROXY listener:
    # set req.http.Dumper-Token-Unneeded = "yes";
}

# (3) Whose X-Forwarded-Proto is believed: what ends TLS in front of Varnish.
acl dumper_terminators {
    "127.0.0.1";
    "::1";
}

# Who is told the lifetime, hits and tags of a page, in Cache-Status, Dumper-Hits and Dumper-Tags.
acl dumper_debuggers {
}

# (4) The site's hosts, in lower case and without ":80" and ":443". Empty is any.
sub dumper_hosts {
    # if (req.http.Host !~ "^(?:www\.)?example\.com$") {
    #     return (synth(421, "Not a host of this site"));
    # }
}

# (5) Paths with rules of their own: DUMPER_PATH_IGNORE_REGEX is answered by Django and never
# stored; static files are the same for everyone, whatever the cookies.
sub dumper_paths {
    if (req.url ~ "^/admin/") {
        set req.http.Dumper-Pass = "bypass";
    }
    if (req.http.Cookie && req.url ~ "^/static/") {
        unset req.http.Cookie;
    }
}

# (6) The site's cookies. A request with one of the first is answered by Django and never stored:
# SESSION_COOKIE_NAME, "messages", and the names in DUMPER_BYPASS_COOKIES.
sub dumper_private_cookies {
    if (req.http.Dumper-Cookies ~ ";(?:sessionid|messages)\s*=") {
        set req.http.Dumper-Pass = "bypass";
    }
}

# CSRF_COOKIE_NAME and the names in DUMPER_HARMLESS_COOKIES: Django gets these, and no others, when
# it renders a page that may be stored.
sub dumper_kept_cookies {
    set req.http.Dumper-Cookies = regsuball(req.http.Dumper-Cookies, ";(csrftoken)=", "; \1=");
}

# (7) Queries. Each of the two lines may go: tracking parameters, in no link of the site (see
# DUMPER_TRACKING_PARAMETERS), are taken away; the others are sorted.
sub dumper_query_form {
    set req.http.Dumper-Sorted = regsuball(req.http.Dumper-Sorted, {"(?x) (^[^?]*\?|&)
        (?: utm_[^=&]* | gclid | gclsrc | dclid | gbraid | wbraid | fbclid | msclkid
        | mc_cid | mc_eid | _ga | _gl | yclid | twclid | ttclid | igshid )
        (?:=[^&]*)? (?=&|$)"}, "\1");
    set req.http.Dumper-Sorted = std.querysort(req.http.Dumper-Sorted);
}

# The names in DUMPER_QUERY_PARAMETERS. A request with any other is answered by Django and never
# stored.
sub dumper_parameters {
    set req.http.Dumper-Undeclared = regsuball(req.http.Dumper-Undeclared,
        "&(?:page)(?:=[^&]*)?(?=&|$)", "");
}

# (8) Statuses that may be stored if they state a lifetime, beside 2xx, 3xx, 404 and 410.
sub dumper_statuses {
    # if (beresp.status == 451) {
    #     set beresp.http.Dumper-Storable = "yes";
    # }
}

include "dumper_xkey.vcl";
include "dumper.vcl";
