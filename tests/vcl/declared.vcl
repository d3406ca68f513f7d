# A site with two parameters, whose queries keep their order and tracking parameters.
import std;

acl dumper_purgers {
    "127.0.0.1";
}

sub dumper_tokens {
    set req.http.Dumper-Token-Wanted = "secret";
    set req.http.Dumper-Token-Previous = "older";
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

acl dumper_debuggers {
}

sub dumper_hosts {
}

sub dumper_paths {
}

sub dumper_query_form {
}

sub dumper_parameters {
    set req.http.Dumper-Undeclared = regsuball(req.http.Dumper-Undeclared,
        "&(?:page|q)(?:=[^&]*)?(?=&|$)", "");
}

sub dumper_statuses {
}
