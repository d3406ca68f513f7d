# A site whose lists name other addresses than the one that the tests come from.
acl dumper_purgers {
    "192.0.2.1";
}

sub dumper_tokens {
    set req.http.Dumper-Token-Wanted = "secret";
    set req.http.Dumper-Token-Previous = "older";
}

acl dumper_terminators {
    "192.0.2.1";
}

sub dumper_private_cookies {
    if (req.http.Dumper-Cookies ~ ";(?:sessionid|messages)\s*=") {
        set req.http.Dumper-Pass = "bypass";
    }
}

sub dumper_kept_cookies {
    set req.http.Dumper-Cookies = regsuball(req.http.Dumper-Cookies, ";(csrftoken)=", "; \1=");
}
