# A site without tokens.
acl dumper_purgers {
    "127.0.0.1";
}

sub dumper_tokens {
    set req.http.Dumper-Token-Wanted = "";
}

acl dumper_terminators {
    "127.0.0.1";
}

sub dumper_private_cookies {
    if (req.http.Dumper-Cookies ~ ";(?:sessionid|messages)\s*=") {
        set req.http.Dumper-Pass = "bypass";
    }
}

sub dumper_kept_cookies {
    set req.http.Dumper-Cookies = regsuball(req.http.Dumper-Cookies, ";(csrftoken)=", "; \1=");
}
