# dumper_purge: purging by tags, with vmod xkey of varnish-modules. Include it before dumper.vcl.
#
# PURGE with "xkey-purge: tag tag ..." removes every object that carries one of the tags;
# "xkey-softpurge" keeps it for stale-if-error. The path and the Host do not matter.
vcl 4.1;

import std;
import xkey;
import var;

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
        var.global_set("dumper_softly_purged", std.real(time=now));
        set req.http.Dumper-Purged = std.integer(req.http.Dumper-Purged, 0)
            + xkey.softpurge(req.http.xkey-softpurge);
    }
    return (synth(200, "Purged"));
}

# xkey.softpurge() passes over what had expired by then: all of that counts as softly purged.
sub vcl_hit {
    if (obj.ttl <= 0s) {
        unset req.http.Dumper-Softly-Purged;
        if (now + obj.ttl
            < std.time(var.global_get("dumper_softly_purged"), std.time(real=0.0))) {
            set req.http.Dumper-Softly-Purged = "yes";
        }
    }
}
