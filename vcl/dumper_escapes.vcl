# dumper_purge: "%c3" is "%C3" (RFC 3986, 6.2.2.1). Include it before dumper.vcl; without it, a path
# or query with lower-case digits is answered by Django and never stored.
vcl 4.1;

sub vcl_recv {
    if (req.url ~ "%(?:[a-f]|[0-9A-F][a-f])") {
        call dumper_upper_first;
        call dumper_upper_second;
    }
}

sub dumper_upper_first {
    set req.url = regsuball(req.url, "%a(?=[0-9A-Fa-f])", "%A");
    set req.url = regsuball(req.url, "%b(?=[0-9A-Fa-f])", "%B");
    set req.url = regsuball(req.url, "%c(?=[0-9A-Fa-f])", "%C");
    set req.url = regsuball(req.url, "%d(?=[0-9A-Fa-f])", "%D");
    set req.url = regsuball(req.url, "%e(?=[0-9A-Fa-f])", "%E");
    set req.url = regsuball(req.url, "%f(?=[0-9A-Fa-f])", "%F");
}

sub dumper_upper_second {
    set req.url = regsuball(req.url, "%([0-9A-F])a", "%\1A");
    set req.url = regsuball(req.url, "%([0-9A-F])b", "%\1B");
    set req.url = regsuball(req.url, "%([0-9A-F])c", "%\1C");
    set req.url = regsuball(req.url, "%([0-9A-F])d", "%\1D");
    set req.url = regsuball(req.url, "%([0-9A-F])e", "%\1E");
    set req.url = regsuball(req.url, "%([0-9A-F])f", "%\1F");
}
