# dumper_purge, a part of dumper.vcl: the target and the Host of a request.
vcl 4.1;

import std;

# Varnish itself rewrites "GET http://host/path", but not "GET https://host/path".
sub dumper_target {
    if (req.url !~ "^/(?!/)" && (req.method != "OPTIONS" || req.url != "*")) {
        return (synth(400, "The target must begin with one slash"));
    }
}

# Most are as they should be.
sub dumper_host {
    if (req.http.Host !~ "^[a-z0-9-]+(?:\.[a-z0-9-]+)*+$") {
        call dumper_host_form;
    }
}

sub dumper_host_form {
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

# Most paths are plain, and need no closer look.
sub dumper_spelling {
    if (req.url !~ "^/(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*+/?+)*+$") {
        call dumper_canonical;
        if (!req.http.Dumper-Pass) {
            call dumper_query;
        }
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
