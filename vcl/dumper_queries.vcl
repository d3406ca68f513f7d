# dumper_purge, a part of dumper.vcl: queries.
vcl 4.1;

import std;

# dumper_query_form takes tracking parameters away and sorts the rest. Where a name is repeated the
# order may mean something; where it is very long, work on it could exhaust Varnish's workspace;
# where it is written as in no link, there could be endless ways to write it; where a parameter is
# not declared, anybody could fill the cache with it: Django gets these as they came.
sub dumper_query {
    if (req.url ~ "\?") {
        if (req.url ~ "^.{2000}|^[^?]*+\?(?:[^&]*+&){100}") {
            return (pass);
        }
        set req.http.Dumper-Sorted = req.url;
        call dumper_query_form;
        set req.http.Dumper-Sorted = regsub(req.http.Dumper-Sorted, "^([^?]*\?)&+", "\1");
        set req.http.Dumper-Sorted = regsub(req.http.Dumper-Sorted, "&+$", "");
        set req.http.Dumper-Sorted = regsub(req.http.Dumper-Sorted, "^([^?]*)\?$", "\1");
        call dumper_canonical_query;
        if (req.http.Dumper-Sorted ~ "[?&]([^=&]*)(?:=[^&]*)?&(?:[^&]*&)*\1(?:[=&]|$)") {
            return (pass);
        }
        set req.http.Dumper-Undeclared = regsub(req.http.Dumper-Sorted, "^[^?]*\??", "&");
        call dumper_parameters;
        if (req.http.Dumper-Undeclared ~ "[^&]") {
            return (pass);
        }
        set req.url = req.http.Dumper-Sorted;
        unset req.http.Dumper-Sorted;
        unset req.http.Dumper-Undeclared;
    }
}

# The form that Django's urlencode() and its template filter write, and beside it what stands in
# links by hand, such as "/" and ":". A name that needs "%" could be a tracking parameter's.
sub dumper_canonical_query {
    if (req.http.Dumper-Sorted !~ {"(?x) ^ [^?]*+ (?: $ | \?
            (?: [A-Za-z0-9/:@!$()*+,;?~_.-]*+
                (?: = (?: [A-Za-z0-9/:@!$()*+,;?~_.=-]
                    | % (?: [01][0-9A-F] | 2[0-9A-CF] | 3[A-F] | 40 | 5[B-E] | 60 | 7[BCDF]
                        | [89A-F][0-9A-F] )
                    )*+ )?+
                (?: & | $ )
            )*+ $ )"}) {
        return (pass);
    }
}
