# dumper_purge, a part of dumper.vcl: how long a response may be stored.
vcl 4.1;

import std;

# The first of three fields that is there and can be parsed decides (RFC 9213, 2.2), and only an
# explicit lifetime counts.
sub dumper_lifetime {
    call dumper_age;
    set beresp.http.Dumper-Field = beresp.http.Surrogate-Control;
    call dumper_dictionary;
    if (!beresp.http.Dumper-Field) {
        set beresp.http.Dumper-Field = beresp.http.CDN-Cache-Control;
        call dumper_dictionary;
        if (beresp.http.Dumper-Field) {
            set beresp.http.Dumper-Overrules = "yes";
        } else {
            call dumper_cache_control;
        }
    }
    call dumper_max_age;
    call dumper_windows;
    unset beresp.http.Dumper-Age;
    unset beresp.http.Dumper-Field;
}

# The age that the page already has. What is no integer is ignored (RFC 9111, 5.1), while Varnish
# reads its first digits.
sub dumper_age {
    set beresp.http.Dumper-Age = "0s";
    if (beresp.http.Age ~ "^[0-9]+\s*(?:,|$)") {
        set beresp.http.Dumper-Age = regsub(beresp.http.Age, "^([0-9]{1,9}).*$", "\1s");
    } elsif (beresp.age >= 1s) {
        set beresp.http.Dumper-Age-Excess = beresp.age;
        set beresp.http.Dumper-Age-Excess = regsub(beresp.http.Dumper-Age-Excess, "\..*$", "");
    }
}

# A structured field that is a dictionary (RFC 8941, 3.2), or nothing. Its strings go.
sub dumper_dictionary {
    if (beresp.http.Dumper-Field ~ {"(?x)
            (?(DEFINE) (?<key> [a-z*][a-z0-9_.*-]* )
                (?<string> " (?: [ !#-\[\]-~] | \\["\\] )* " )
                (?<number> -? [0-9]{1,12} (?: \. [0-9]{1,3} | [0-9]{0,3} ) )
                (?<token> [A-Za-z*] [A-Za-z0-9!\#$%&'*+.^_`|~:/-]* )
                (?<bare> (?&number) | (?&string) | (?&token) | : [A-Za-z0-9+/=]* : | \?[01] )
                (?<parameters> (?: ;[ ]* (?&key) (?: = (?&bare) )? )* )
                (?<item> (?&bare) (?&parameters) )
                (?<list> \( [ ]* (?: (?&item) (?: [ ]+ (?&item) )* )? [ ]* \) (?&parameters) )
                (?<member> (?&key) (?: = (?: (?&list) | (?&item) ) | (?&parameters) ) ) )
            ^ [ ]* (?&member) (?: [ \t]* , [ \t]* (?&member) )* [ ]* $"}) {
        set beresp.http.Dumper-Field = regsuball(beresp.http.Dumper-Field,
            {""(?:[^"\\]|\\.)*""}, "");
    } else {
        unset beresp.http.Dumper-Field;
    }
}

# No structured field: any case, spaces, quoted numbers. A lifetime that stands twice is none
# (RFC 9111, 4.2.1). Where there is none, Expires counts (5.3).
sub dumper_cache_control {
    set beresp.http.Dumper-Field = std.tolower(beresp.http.Cache-Control);
    set beresp.http.Dumper-Field = regsuball(beresp.http.Dumper-Field,
        {"\s*=\s*(?:"([0-9]+)"|"(?:[^"\\]|\\.)*")?"}, "=\1");
    if (beresp.http.Dumper-Field ~ "(?:^|,)\s*((?:s-maxage|max-age)\b)(?:.*,)?\s*\1") {
        set beresp.http.Dumper-Field = "max-age=0";
    } elsif (beresp.http.Dumper-Field !~ "(?:^|,)\s*(?:s-maxage|max-age)\s*(?:[=,]|$)") {
        call dumper_expires;
    }
}

# std.time() reads more than HTTP's three forms; what it cannot read is long over.
sub dumper_expires {
    if (beresp.http.Expires ~ "^[A-Z][a-z]+,? .* (?:GMT|[0-9]{4})$") {
        set beresp.ttl = std.time(beresp.http.Expires, std.time(real=0.0))
            - std.time(beresp.http.Date, now) - std.duration(beresp.http.Dumper-Age, 0s);
    }
}

# The last of several members counts. Seconds that are too many are 2^31 (RFC 9111, 1.2.2).
sub dumper_max_age {
    if (beresp.http.Dumper-Field ~ "(?:^|,)\s*s-maxage\s*(?:[=,;]|$)") {
        set beresp.http.Dumper-Seconds = regsub(beresp.http.Dumper-Field,
            "^(?:.*,)?\s*s-maxage(?:=([^,;\s]*))?\s*(?:[,;].*)?$", "\1");
    } else {
        set beresp.http.Dumper-Seconds = regsub(beresp.http.Dumper-Field,
            "^(?:.*,)?\s*max-age(?:=([^,;\s]*))?\s*(?:[,;].*)?$", "\1");
    }
    if (beresp.http.Dumper-Seconds ~ "^[0-9]+$") {
        set beresp.ttl = std.duration(regsub(beresp.http.Dumper-Seconds, "^[0-9]{10,}$",
            "2147483648") + "s", 0s) - std.duration(beresp.http.Dumper-Age, 0s);
    }
    unset beresp.http.Dumper-Seconds;
}

# How long it may be served stale (RFC 5861), unless that is forbidden (RFC 9111, 4.2.4).
sub dumper_windows {
    if (beresp.http.Dumper-Field
        !~ "(?:^|,)\s*(?:must-revalidate|proxy-revalidate|s-maxage)\s*(?:[=,;]|$)") {
        if (beresp.http.Dumper-Field ~ "(?:^|,)\s*stale-(?:while-revalidate|if-error)=[0-9]") {
            call dumper_stale_allowed;
        }
    }
    if (beresp.grace < 1h && (beresp.http.ETag || beresp.http.Last-Modified)) {
        set beresp.grace = 1h;
    }
}

sub dumper_stale_allowed {
    set beresp.http.Dumper-Windows = "0s 0s";
    if (beresp.http.Dumper-Field ~ "(?:^|,)\s*stale-while-revalidate=[0-9]{1,9}\s*(?:[,;]|$)") {
        set beresp.http.Dumper-Windows = regsub(beresp.http.Dumper-Field,
            "^(?:.*,)?\s*stale-while-revalidate=([0-9]+)\s*(?:[,;].*)?$", "\1s") + " 0s";
    }
    set beresp.grace = std.duration(regsub(beresp.http.Dumper-Windows, " .*$", ""), 0s);
    if (beresp.http.Dumper-Field ~ "(?:^|,)\s*stale-if-error=[0-9]{1,9}\s*(?:[,;]|$)") {
        set beresp.http.Dumper-Seconds = regsub(beresp.http.Dumper-Field,
            "^(?:.*,)?\s*stale-if-error=([0-9]+)\s*(?:[,;].*)?$", "\1s");
        set beresp.http.Dumper-Windows = regsub(beresp.http.Dumper-Windows, " .*$", " ")
            + beresp.http.Dumper-Seconds;
        if (std.duration(beresp.http.Dumper-Seconds, 0s) > beresp.grace) {
            set beresp.grace = std.duration(beresp.http.Dumper-Seconds, 0s);
        }
        unset beresp.http.Dumper-Seconds;
    }
}
