# dumper_purge, a part of dumper.vcl: what a request's headers may bring along.
vcl 4.1;

# The scheme is keyed, as a member of Vary and not in the hash: one PURGE covers both. Here it is
# "https" or not there; Django is told "http" as well.
sub dumper_clean {
    unset req.http.Dumper-Pass;
    unset req.http.Dumper-Status;
    if (req.restarts == 0) {
        unset req.http.Dumper-Stale;
    }
    if (req.http.X-Forwarded-Proto) {
        call dumper_scheme;
    }
    if (req.http.Range) {
        call dumper_range;
    }
}

sub dumper_scheme {
    if (remote.ip !~ dumper_terminators || req.http.X-Forwarded-Proto !~ "(?i)^https$") {
        unset req.http.X-Forwarded-Proto;
    } elsif (req.http.X-Forwarded-Proto != "https") {
        set req.http.X-Forwarded-Proto = "https";
    }
}

# A unit that nobody knows is ignored, and so is a range of anything but a GET (RFC 9110, 14.2).
sub dumper_range {
    if (req.method != "GET" || req.http.Range !~ "(?i)^bytes\s*=") {
        unset req.http.Range;
    }
}

# Headers that change the page in some Django project, or in gunicorn, and are not in the cache's
# key: one request that carries them would poison the page for everyone. They are taken away on the
# way to Django, so that hits need not look for them.
sub dumper_unkeyed {
    unset bereq.http.Forwarded;
    unset bereq.http.Front-End-Https;
    unset bereq.http.Path-Info;
    unset bereq.http.Proxy;
    unset bereq.http.Remote-User;
    unset bereq.http.Script-Name;
    unset bereq.http.X-Forwarded-Host;
    unset bereq.http.X-Forwarded-Port;
    unset bereq.http.X-Forwarded-Prefix;
    unset bereq.http.X-Forwarded-Protocol;
    unset bereq.http.X-Forwarded-Scheme;
    unset bereq.http.X-Forwarded-Server;
    unset bereq.http.X-Forwarded-Ssl;
    unset bereq.http.X-Host;
    unset bereq.http.X-HTTP-Method;
    unset bereq.http.X-HTTP-Method-Override;
    unset bereq.http.X-Method-Override;
    unset bereq.http.X-Original-Host;
    unset bereq.http.X-Original-URL;
    unset bereq.http.X-Rewrite-URL;
    unset bereq.http.X-Scheme;
    unset bereq.http.X-Script-Name;
    unset bereq.http.Dumper-Cookies;
    unset bereq.http.Dumper-If-Error;
    unset bereq.http.Dumper-Looked;
    unset bereq.http.Dumper-Pass;
    unset bereq.http.Dumper-Softly-Purged;
    unset bereq.http.Dumper-Sorted;
    unset bereq.http.Dumper-Status;
    unset bereq.http.Dumper-Token;
    unset bereq.http.Dumper-Undeclared;
    unset bereq.http.Dumper-While-Revalidate;
    call dumper_unkeyed_underscores;
    if (!bereq.http.X-Forwarded-Proto) {
        set bereq.http.X-Forwarded-Proto = "http";
    }
}

# WSGI has one name for X-Forwarded-Host and X-Forwarded_Host: whoever writes "_" would get past the
# list above, and past Vary. VCL cannot look for "_" in a name, so every mix of both is listed, for
# that list and for what Vary names most often. SCRIPT_NAME and PATH_INFO are gunicorn's own.
sub dumper_unkeyed_underscores {
    unset bereq.http.Accept_Charset;
    unset bereq.http.Accept_Encoding;
    unset bereq.http.Accept_Language;
    unset bereq.http.Front-End_Https;
    unset bereq.http.Front_End-Https;
    unset bereq.http.Front_End_Https;
    unset bereq.http.Path_Info;
    unset bereq.http.Remote_User;
    unset bereq.http.Script_Name;
    unset bereq.http.X-Forwarded_Host;
    unset bereq.http.X_Forwarded-Host;
    unset bereq.http.X_Forwarded_Host;
    unset bereq.http.X-Forwarded_Port;
    unset bereq.http.X_Forwarded-Port;
    unset bereq.http.X_Forwarded_Port;
    unset bereq.http.X-Forwarded_Prefix;
    unset bereq.http.X_Forwarded-Prefix;
    unset bereq.http.X_Forwarded_Prefix;
    unset bereq.http.X-Forwarded_Proto;
    unset bereq.http.X_Forwarded-Proto;
    unset bereq.http.X_Forwarded_Proto;
    unset bereq.http.X-Forwarded_Protocol;
    unset bereq.http.X_Forwarded-Protocol;
    unset bereq.http.X_Forwarded_Protocol;
    unset bereq.http.X-Forwarded_Scheme;
    unset bereq.http.X_Forwarded-Scheme;
    unset bereq.http.X_Forwarded_Scheme;
    unset bereq.http.X-Forwarded_Server;
    unset bereq.http.X_Forwarded-Server;
    unset bereq.http.X_Forwarded_Server;
    unset bereq.http.X-Forwarded_Ssl;
    unset bereq.http.X_Forwarded-Ssl;
    unset bereq.http.X_Forwarded_Ssl;
    unset bereq.http.X_Host;
    unset bereq.http.X-HTTP_Method;
    unset bereq.http.X_HTTP-Method;
    unset bereq.http.X_HTTP_Method;
    unset bereq.http.X-HTTP-Method_Override;
    unset bereq.http.X-HTTP_Method-Override;
    unset bereq.http.X-HTTP_Method_Override;
    unset bereq.http.X_HTTP-Method-Override;
    unset bereq.http.X_HTTP-Method_Override;
    unset bereq.http.X_HTTP_Method-Override;
    unset bereq.http.X_HTTP_Method_Override;
    unset bereq.http.X-Method_Override;
    unset bereq.http.X_Method-Override;
    unset bereq.http.X_Method_Override;
    unset bereq.http.X-Original_Host;
    unset bereq.http.X_Original-Host;
    unset bereq.http.X_Original_Host;
    unset bereq.http.X-Original_URL;
    unset bereq.http.X_Original-URL;
    unset bereq.http.X_Original_URL;
    unset bereq.http.X-Requested_With;
    unset bereq.http.X_Requested-With;
    unset bereq.http.X_Requested_With;
    unset bereq.http.X-Rewrite_URL;
    unset bereq.http.X_Rewrite-URL;
    unset bereq.http.X_Rewrite_URL;
    unset bereq.http.X_Scheme;
    unset bereq.http.X-Script_Name;
    unset bereq.http.X_Script-Name;
    unset bereq.http.X_Script_Name;
}

# Nothing varies on what Django never gets, and Varnish would compare it with what visitors send.
sub dumper_vary {
    set beresp.http.Vary = regsuball(beresp.http.Vary, {"(?ix) (?: ^ | , ) \s*
        (?: forwarded | front[-_]end[-_]https | path[-_]info | proxy | remote[-_]user
        | script[-_]name
        | x[-_]forwarded[-_](?: host | port | prefix | protocol | scheme | server | ssl )
        | x[-_](?: host | http[-_]method | http[-_]method[-_]override | method[-_]override
            | original[-_]host | original[-_]url | rewrite[-_]url | scheme | script[-_]name )
        | accept_(?: charset | encoding | language )
        | x[-_]forwarded_proto | x_forwarded-proto | x[-_]requested_with | x_requested-with
        ) \s* (?= , | $ )"}, "");
    set beresp.http.Vary = regsub(beresp.http.Vary, "^[\s,]+", "");
    if (beresp.http.Vary == "") {
        set beresp.http.Vary = "X-Forwarded-Proto";
    } elsif (beresp.http.Vary !~ "(?:^|, )X-Forwarded-Proto$") {
        set beresp.http.Vary = beresp.http.Vary + ", X-Forwarded-Proto";
    }
}
