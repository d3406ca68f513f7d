# dumper_purge: a complete VCL for a Django site. Copy it, and write your own values at (1) to (4).
vcl 4.1;

import std;

# (1) Django.
backend default {
    .host = "127.0.0.1";
    .port = "8000";
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
}

# (3) Whose X-Forwarded-Proto is believed: what ends TLS in front of Varnish.
acl dumper_terminators {
    "127.0.0.1";
    "::1";
}

# (4) The site's cookies. A request with one of the first is answered by Django and never stored:
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

include "dumper_xkey.vcl";
include "dumper.vcl";
