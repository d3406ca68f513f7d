# dumper_purge: websockets, as pipes to Django. Include it before dumper.vcl. What follows in a pipe
# Varnish does not see; the request itself is cleaned like any other.
vcl 4.1;

sub vcl_recv {
    if (req.method == "GET" && req.http.Upgrade ~ "(?i)^websocket$"
        && req.http.Connection ~ "(?i)(?:^|,)\s*upgrade\s*(?:,|$)") {
        call dumper_target;
        call dumper_host;
        call dumper_hosts;
        call dumper_clean;
        return (pipe);
    }
}

sub vcl_pipe {
    set bereq.http.Upgrade = req.http.Upgrade;
    set bereq.http.Connection = "upgrade";
}
