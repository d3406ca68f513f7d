# dumper_purge: a POST, PUT, PATCH or DELETE that succeeds purges its target, and on the same host
# its Location and Content-Location (RFC 9111, 4.4). Include it between dumper_xkey.vcl and
# dumper.vcl. Every visitor whose request Django accepts then purges a page: off unless you want it.
#
# Every stored page gets one more tag, "place:" with its host and path, so all queries are purged.
# xkey takes "," for a separator, so that a path with one could name other tags: it is encoded.
vcl 4.1;

import std;
import xkey;

sub vcl_backend_response {
    if (!bereq.uncacheable && beresp.http.xkey !~ "(?:^| )place:") {
        std.collect(beresp.http.xkey, " ");
        set beresp.http.xkey = beresp.http.xkey + " place:"
            + regsuball(bereq.http.Host + regsub(bereq.url, "\?.*$", ""), ",", "%2C");
    }
}

sub vcl_deliver {
    if (req.method ~ "^(?:POST|PUT|PATCH|DELETE)$" && req.http.Host
        && resp.status >= 200 && resp.status < 400) {
        set req.http.Dumper-Places = "";
        set req.http.Dumper-Place = req.http.Host + req.url;
        call dumper_unsafe_place;
        if (resp.http.Location) {
            set req.http.Dumper-Place = resp.http.Location;
            call dumper_unsafe_place;
        }
        if (resp.http.Content-Location) {
            set req.http.Dumper-Place = resp.http.Content-Location;
            call dumper_unsafe_place;
        }
        set req.http.Dumper-Purged = xkey.purge(req.http.Dumper-Places);
    }
}

# "https://host:443/path?query", "//host/path", "host/path" or "/path", if it is on this host.
sub dumper_unsafe_place {
    set req.http.Dumper-Place = regsub(req.http.Dumper-Place, "^/(?!/)", req.http.Host + "/");
    set req.http.Dumper-Place = regsub(req.http.Dumper-Place, "^(?i:https?:)?//", "");
    set req.http.Dumper-Place = regsub(req.http.Dumper-Place, "[?#].*$", "");
    if (req.http.Dumper-Place !~ "\s"
        && std.tolower(regsub(req.http.Dumper-Place,
            "(?::(?:80|443))?/.*$", "")) == req.http.Host) {
        set req.http.Dumper-Places = req.http.Dumper-Places + " place:" + req.http.Host
            + regsuball(regsub(req.http.Dumper-Place, "^[^/]*", ""), ",", "%2C");
    }
}
