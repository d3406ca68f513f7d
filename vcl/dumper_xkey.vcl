# dumper_purge: purging by tags, with vmod xkey of varnish-modules. Include it before dumper.vcl.
#
# PURGE with "xkey-purge: tag tag ..." removes every object that carries one of the tags;
# "xkey-softpurge" keeps it for stale-if-error. The path and the Host do not matter.
vcl 4.1;

import std;
import xkey;

sub vcl_recv {
    if (req.method == "PURGE" && (req.http.xkey-purge || req.http.xkey-softpurge)) {
        call dumper_authorise;
        call dumper_xkey_purge;
    }
}

sub dumper_xkey_purge {
    std.collect(req.http.xkey-purge, " ");
    std.collect(req.http.xkey-softpurge, " ");
    if (req.http.xkey-purge !~ "\S" && req.http.xkey-softpurge !~ "\S") {
        return (synth(400, "xkey-purge names no tag"));
    }
    set req.http.Dumper-Purged = 0;
    if (req.http.xkey-purge ~ "\S") {
        set req.http.Dumper-Purged = xkey.purge(req.http.xkey-purge);
    }
    if (req.http.xkey-softpurge ~ "\S") {
        set req.http.Dumper-Purged = std.integer(req.http.Dumper-Purged, 0)
            + xkey.softpurge(req.http.xkey-softpurge);
    }
    return (synth(200, "Purged"));
}
