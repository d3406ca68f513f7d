# dumper_purge, a part of dumper.vcl: PURGE and BAN.
vcl 4.1;

import purge;
import std;

sub dumper_purge_or_ban {
    if (req.method == "PURGE") {
        call dumper_hosts;
        call dumper_authorise;
        call dumper_refuse_what_is_not_included;
        call dumper_purge;
    } elsif (req.method == "BAN") {
        # It names its host elsewhere.
        call dumper_authorise;
        call dumper_refuse_what_is_not_included;
        call dumper_ban;
    }
}

# The address and the token, both. The token stays on the request until it is answered, because
# a restarted PURGE is checked again; the backend never sees a PURGE.
sub dumper_authorise {
    unset req.http.Dumper-Token-Wanted;
    unset req.http.Dumper-Token-Previous;
    unset req.http.Dumper-Token-Unneeded;
    call dumper_tokens;
    if (client.ip !~ dumper_purgers
        || (!req.http.Dumper-Token-Unneeded
            && (!req.http.Dumper-Token
                || req.http.Dumper-Token == ""
                || (req.http.Dumper-Token != req.http.Dumper-Token-Wanted
                    && req.http.Dumper-Token != req.http.Dumper-Token-Previous)))) {
        return (synth(405, "Not allowed"));
    }
}

sub dumper_refuse_what_is_not_included {
    if (req.http.xkey-purge || req.http.xkey-softpurge) {
        return (synth(501, "Include dumper_xkey.vcl before dumper.vcl to purge tags"));
    }
}

# Bans look at stored objects only, so that the lurker can carry them out. std.ban() splits its text
# at spaces and knows no way to quote them: a pattern that has one could bring conditions of its
# own. No path in canonical form has a space or a quote, so nothing is lost.
sub dumper_ban {
    if (!req.http.Dumper-Ban-Path || req.http.Dumper-Ban-Path ~ {"^$|[\s"]"}) {
        return (synth(400, "Dumper-Ban-Path is a regular expression without space or quote"));
    }
    if (req.http.Dumper-Ban-Host && req.http.Dumper-Ban-Host ~ {"^$|[\s"\\]"}) {
        return (synth(400, "Dumper-Ban-Host is one host"));
    }
    set req.http.Dumper-Ban = "obj.http.Dumper-Path ~ " + req.http.Dumper-Ban-Path;
    if (req.http.Dumper-Ban-Host) {
        set req.http.Dumper-Ban = req.http.Dumper-Ban + " && obj.http.Dumper-Host == "
            + std.tolower(req.http.Dumper-Ban-Host);
    }
    if (std.ban(req.http.Dumper-Ban)) {
        return (synth(200, "Banned"));
    }
    return (synth(400, std.ban_error()));
}

# PURGE removes what is stored: all variants, at once. With "Dumper-Purge: wait" it then looks the
# page up like a visitor: a fetch in flight parks it, and the page is removed as it arrives. With
# "soft", what is stored is kept for stale-if-error.
sub dumper_purge {
    call dumper_spelling;
    if (req.http.Dumper-Pass) {
        return (synth(400, "The path is not in canonical form, so nothing is stored under it"));
    }
    if (req.restarts == 0) {
        unset req.http.Dumper-In-Flight;
        unset req.http.Dumper-Purged;
        set req.hash_ignore_busy = true;
    } else {
        set req.hash_ignore_busy = false;
    }
    set req.hash_ignore_vary = true;
    set req.grace = 0s;
    # What was stored before is a miss by that, which removes it too; a hit has just arrived.
    set req.ttl = 1ms;
    return (hash);
}

sub dumper_purge_stored {
    call dumper_purge_found;
    if (req.http.Dumper-Purge !~ "(?i)\bwait\b") {
        return (synth(200, "Purged"));
    }
    if (req.restarts == 0) {
        return (restart);
    }
}

# Before Varnish 7.5 a TTL is a 32-bit float, and zero seconds left are stored as the object's age:
# an old object may seem to have a second left. Hence a TTL of -2 s here, and dumper_fresh. A soft
# purge cannot have it: an object younger than that would be lost. From 7.5 on it leaves alone the
# TTL of what had expired: that it takes the keep away is its mark, see dumper_mark.
sub dumper_purge_found {
    if (req.http.Dumper-Purge ~ "(?i)\bsoft\b") {
        set req.http.Dumper-Found = purge.soft(0s, -1s, 0s);
    } else {
        set req.http.Dumper-Found = purge.soft(-2s, 0s, 0s);
    }
    # What the later lookups find was counted by the first, or was in flight.
    if (req.restarts == 0) {
        set req.http.Dumper-Purged = req.http.Dumper-Found;
    }
}

sub dumper_purge_hit {
    call dumper_purge_stored;
    set req.http.Dumper-In-Flight = "yes";
    call dumper_purge_again;
}

sub dumper_purge_miss {
    call dumper_purge_stored;
    if (req.is_hitmiss) {
        call dumper_purge_again;
    }
    return (synth(200, "Purged"));
}

sub dumper_purge_again {
    if (req.restarts >= 4) {
        return (synth(503, "Many fetches are in flight, send it again"));
    }
    return (restart);
}

# The number after "vcl" is raised when the answers, or what a site defines, change.
sub vcl_synth {
    if (req.method == "PURGE" || req.method == "BAN") {
        set resp.http.Content-Type = "application/json";
        set resp.http.Cache-Control = "no-store";
        if (resp.status == 405) {
            set resp.http.Allow = "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE";
        }
        unset req.http.Dumper-Counted;
        if (req.method == "PURGE" && resp.status == 200) {
            call dumper_counted;
        }
        set resp.body = {"{"answer": ""} + regsuball(resp.reason, {"[\\"]"}, "'") + {"", "}
            + req.http.Dumper-Counted + {""vcl": 1}"};
        return (deliver);
    }
}

sub dumper_counted {
    set req.http.Dumper-Counted = {""purged": "} + std.integer(req.http.Dumper-Purged, 0) + ", ";
    if (req.http.Dumper-In-Flight) {
        set req.http.Dumper-Counted = req.http.Dumper-Counted + {""in_flight": true, "};
    }
}
