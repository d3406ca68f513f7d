# dumper_purge: the queries of a path as variants of one object, so that a PURGE of the path covers
# them all without xkey. Include it before dumper.vcl, and declare in dumper_parameters what the
# site has: variants are searched in line, and ten thousand of a path are slow. Visitors choose the
# values, so that only those are kept that are short and that Django answers with 200.
vcl 4.1;

import std;

sub vcl_hash {
    hash_data(regsub(req.url, "\?.*$", ""));
    hash_data(req.http.Host);
    set req.http.Dumper-Query = regsub(req.url, "^[^?]*\??", "");
    return (lookup);
}

sub vcl_backend_response {
    if (bereq.http.Dumper-Query ~ "."
        && (beresp.status != 200 || bereq.http.Dumper-Query ~ "^.{100}")) {
        set beresp.uncacheable = true;
    }
    std.collect(beresp.http.Vary);
    if (!beresp.http.Vary) {
        set beresp.http.Vary = "Dumper-Query";
    } elsif (beresp.http.Vary !~ "(?:^|, )Dumper-Query(?:,|$)") {
        set beresp.http.Vary = beresp.http.Vary + ", Dumper-Query";
    }
}

sub vcl_deliver {
    set resp.http.Vary = regsub(resp.http.Vary, "(?:^|, )Dumper-Query(?=,|$)", "");
    if (resp.http.Vary == "") {
        unset resp.http.Vary;
    }
}
