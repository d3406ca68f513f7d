# A site whose lists name other addresses than the one that the tests come from.
import std;

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

acl dumper_debuggers {
}

sub dumper_hosts {
}

sub dumper_paths {
}

sub dumper_query_form {
    set req.http.Dumper-Sorted = regsuball(req.http.Dumper-Sorted, {"(?x) (^[^?]*\?|&)
        (?: utm_[^=&]* | gclid | gclsrc | dclid | gbraid | wbraid | fbclid | msclkid
        | mc_cid | mc_eid | _ga | _gl | yclid | twclid | ttclid | igshid )
        (?:=[^&]*)? (?=&|$)"}, "\1");
    set req.http.Dumper-Sorted = std.querysort(req.http.Dumper-Sorted);
}

sub dumper_parameters {
    unset req.http.Dumper-Undeclared;
}

sub dumper_statuses {
}
